/* USART and LPUART of STM32F0, F3, F7, G, H7, L0, L4 and later (RM0385, RM0432 and RM0433, "USART registers"). */
#include "receive.h"
#include "uart.h"
#include "uart_stm32_any.h"

#define CR1 REGISTER(UART_BASE + 0x00u)
#define BRR REGISTER(UART_BASE + 0x0Cu)
#define ISR REGISTER(UART_BASE + 0x1Cu)
#define ICR REGISTER(UART_BASE + 0x20u)
#define RDR REGISTER(UART_BASE + 0x24u)
#define TDR REGISTER(UART_BASE + 0x28u)

#define OVERRUN (1u << 3)
#define RECEIVED (1u << 5)
#define SENT (1u << 6)
#define ROOM (1u << 7)
#define ON ((1u << 5) | (1u << 3) | (1u << 2) | (1u << 0)) /* RXNEIE, TE, RE, UE */

void uart_init(void) {
    pins_init();
    CR1 = 0u;
    BRR = (uint32_t)(((uint64_t)UART_CLOCK_HZ * UART_DIVIDER_SCALE + UART_BAUD / 2u) / UART_BAUD);
    CR1 = ON;
    NVIC_ISER(UART_IRQ) = 1u << (UART_IRQ % 32u);
}

void uart_put(uint8_t byte) {
    while ((ISR & ROOM) == 0u) {
    }
    TDR = byte;
}

void uart_flush(void) {
    while ((ISR & SENT) == 0u) {
    }
}

int uart_poll(void) {
    const uint32_t state = ISR;
    if ((state & OVERRUN) != 0u) {
        ICR = OVERRUN;
    }
    return (state & RECEIVED) != 0u ? (int)(RDR & 0xFFu) : -1;
}

void uart_interrupt(void) {
    for (int byte = uart_poll(); byte >= 0; byte = uart_poll()) {
        receive_push((uint8_t)byte);
    }
}
