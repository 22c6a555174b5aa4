/* UART0 of the FE310-G000, and its core at the crystal's 16 MHz (SiFive FE310-G000 Manual v3p2, "PRCI", "GPIO" and
 * "UART"). */
#include "board.h"
#include "core.h"
#include "receive.h"
#include "uart.h"

#define PRCI_HFXOSCCFG REGISTER(0x10008004u)
#define PRCI_PLLCFG REGISTER(0x10008008u)
#define GPIO_IOF_EN REGISTER(0x10012038u)
#define GPIO_IOF_SEL REGISTER(0x1001203Cu)

#define TXDATA REGISTER(UART_BASE + 0x00u)
#define RXDATA REGISTER(UART_BASE + 0x04u)
#define TXCTRL REGISTER(UART_BASE + 0x08u)
#define RXCTRL REGISTER(UART_BASE + 0x0Cu)
#define IE REGISTER(UART_BASE + 0x10u)
#define IP REGISTER(UART_BASE + 0x14u)
#define DIV REGISTER(UART_BASE + 0x18u)

#define FULL_OR_EMPTY (1u << 31)
#define OSCILLATOR_READY (1u << 31)
#define OSCILLATOR_ENABLE (1u << 30)
#define PLL_FROM_CRYSTAL_BYPASSED ((1u << 16) | (1u << 17) | (1u << 18)) /* pllsel, pllrefsel, pllbypass */
#define TX_WATERMARK_1 (1u << 16)
#define TX_BELOW_WATERMARK (1u << 0)
#define RX_INTERRUPT (1u << 1)
#define READY_TRIES 100000u

static void clock_init(void) {
    PRCI_HFXOSCCFG = OSCILLATOR_ENABLE;
    for (uint32_t tries = 0u; tries < READY_TRIES && (PRCI_HFXOSCCFG & OSCILLATOR_READY) == 0u; ++tries) {
    }
    PRCI_PLLCFG = PLL_FROM_CRYSTAL_BYPASSED;
}

void uart_init(void) {
    const uint32_t pins = (1u << UART_TX_PIN) | (1u << UART_RX_PIN);
    clock_init();
    GPIO_IOF_SEL &= ~pins;
    GPIO_IOF_EN |= pins;
    DIV = (UART_CLOCK_HZ + UART_BAUD / 2u) / UART_BAUD - 1u;
    TXCTRL = 1u | TX_WATERMARK_1;
    RXCTRL = 1u;
    IE = RX_INTERRUPT;
    interrupt_enable(UART_IRQ);
}

void uart_put(uint8_t byte) {
    while ((TXDATA & FULL_OR_EMPTY) != 0u) {
    }
    TXDATA = byte;
}

/* The flag tells of the queue: allow the shift register one frame of 10 bits behind it. */
void uart_flush(void) {
    while ((IP & TX_BELOW_WATERMARK) == 0u) {
    }
    for (volatile uint32_t wait = 0u; wait < 10u * (BOARD_CLOCK_HZ / UART_BAUD); ++wait) {
    }
}

int uart_poll(void) {
    const uint32_t data = RXDATA;
    return (data & FULL_OR_EMPTY) != 0u ? -1 : (int)(data & 0xFFu);
}

void uart_interrupt(void) {
    for (int byte = uart_poll(); byte >= 0; byte = uart_poll()) {
        receive_push((uint8_t)byte);
    }
}
