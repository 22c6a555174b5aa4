/* Arm CMSDK APB UART (Cortex-M System Design Kit TRM, DDI 0479, section 4.3). */
#include "board.h"
#include "cortex_m.h"
#include "receive.h"
#include "uart.h"

#define DATA REGISTER(UART_BASE + 0x00u)
#define STATE REGISTER(UART_BASE + 0x04u)
#define CTRL REGISTER(UART_BASE + 0x08u)
#define INTCLEAR REGISTER(UART_BASE + 0x0Cu)
#define BAUDDIV REGISTER(UART_BASE + 0x10u)

#define STATE_TX_FULL (1u << 0)
#define STATE_RX_FULL (1u << 1)
#define CTRL_TX_ENABLE (1u << 0)
#define CTRL_RX_ENABLE (1u << 1)
#define CTRL_RX_INTERRUPT (1u << 3)

void uart_init(void) {
    BAUDDIV = (UART_CLOCK_HZ + UART_BAUD / 2u) / UART_BAUD;
    CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT;
    NVIC_ISER(UART_IRQ) = 1u << (UART_IRQ % 32u);
}

void uart_put(uint8_t byte) {
    while ((STATE & STATE_TX_FULL) != 0u) {
    }
    DATA = byte;
}

/* The state knows only of the holding register: allow the shift register one frame of 10 bits behind it. */
void uart_flush(void) {
    while ((STATE & STATE_TX_FULL) != 0u) {
    }
    for (volatile uint32_t wait = 0u; wait < 10u * (BOARD_CLOCK_HZ / UART_BAUD); ++wait) {
    }
}

int uart_poll(void) {
    return (STATE & STATE_RX_FULL) != 0u ? (int)(DATA & 0xFFu) : -1;
}

void uart_interrupt(void) {
    INTCLEAR = 0xFu;
    while ((STATE & STATE_RX_FULL) != 0u) {
        receive_push((uint8_t)DATA);
    }
}
