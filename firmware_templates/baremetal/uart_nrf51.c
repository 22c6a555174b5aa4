/* UART of the nRF51 (nRF51 Series Reference Manual v3.0.1, chapters 12 CLOCK, 14 GPIO and 29 UART), which the nRF52
 * has too (nRF52840 Product Specification v1.7, chapters CLOCK, GPIO and UART), with a second port of
 * pins. */
#include "board.h"
#include "cortex_m.h"
#include "receive.h"
#include "uart.h"

#define CLOCK_HFCLKSTART REGISTER(0x40000000u)
#define CLOCK_HFCLKSTARTED REGISTER(0x40000100u)
#define GPIO(pin) (0x50000000u + 0x300u * ((pin) / 32u))
#define GPIO_OUTSET(pin) REGISTER(GPIO(pin) + 0x508u)
#define GPIO_DIRSET(pin) REGISTER(GPIO(pin) + 0x518u)
#define GPIO_PIN_CNF(pin) REGISTER(GPIO(pin) + 0x700u + 4u * ((pin) % 32u))

#define STARTRX REGISTER(UART_BASE + 0x000u)
#define STARTTX REGISTER(UART_BASE + 0x008u)
#define RXDRDY REGISTER(UART_BASE + 0x108u)
#define TXDRDY REGISTER(UART_BASE + 0x11Cu)
#define INTENSET REGISTER(UART_BASE + 0x304u)
#define ERRORSRC REGISTER(UART_BASE + 0x480u)
#define ENABLE REGISTER(UART_BASE + 0x500u)
#define PSELRTS REGISTER(UART_BASE + 0x508u)
#define PSELTXD REGISTER(UART_BASE + 0x50Cu)
#define PSELCTS REGISTER(UART_BASE + 0x510u)
#define PSELRXD REGISTER(UART_BASE + 0x514u)
#define RXD REGISTER(UART_BASE + 0x518u)
#define TXD REGISTER(UART_BASE + 0x51Cu)
#define BAUDRATE REGISTER(UART_BASE + 0x524u)
#define CONFIG REGISTER(UART_BASE + 0x56Cu)

#define INTERRUPT_RXDRDY (1u << 2)
#define NOT_CONNECTED 0xFFFFFFFFu
/* The divider is baud * 2^32 / 16 MHz, rounded to a multiple of 2^12 (the manual's list for 115200: 0x01D7E000). */
#define BAUDRATE_VALUE ((uint32_t)(((((uint64_t)UART_BAUD << 32) / 16000000u) + 0x800u) & 0xFFFFF000u))

#define CRYSTAL_TRIES 100000u

static int sending; /* a byte is on its way, and TXDRDY will tell when it has left */

void uart_init(void) {
    /* The crystal oscillator: the internal one is too far off for a UART. */
    CLOCK_HFCLKSTARTED = 0u;
    CLOCK_HFCLKSTART = 1u;
    for (uint32_t tries = 0u; tries < CRYSTAL_TRIES && CLOCK_HFCLKSTARTED == 0u; ++tries) {
    }
    GPIO_OUTSET(UART_TX_PIN) = 1u << (UART_TX_PIN % 32u);
    GPIO_DIRSET(UART_TX_PIN) = 1u << (UART_TX_PIN % 32u);
    GPIO_PIN_CNF(UART_RX_PIN) = 0u; /* input, connected, no pull */
    PSELTXD = UART_TX_PIN;
    PSELRXD = UART_RX_PIN;
    PSELRTS = NOT_CONNECTED;
    PSELCTS = NOT_CONNECTED;
    BAUDRATE = BAUDRATE_VALUE;
    CONFIG = 0u; /* no flow control, no parity */
    ENABLE = 4u;
    RXDRDY = 0u;
    TXDRDY = 0u;
    INTENSET = INTERRUPT_RXDRDY;
    STARTTX = 1u;
    STARTRX = 1u;
    sending = 0;
    NVIC_ISER(UART_IRQ) = 1u << (UART_IRQ % 32u);
}

void uart_flush(void) {
    if (sending != 0) {
        while (TXDRDY == 0u) {
        }
        TXDRDY = 0u;
        sending = 0;
    }
}

void uart_put(uint8_t byte) {
    uart_flush();
    TXD = byte;
    sending = 1;
}

int uart_poll(void) {
    if (RXDRDY == 0u) {
        return -1;
    }
    RXDRDY = 0u;
    return (int)(RXD & 0xFFu);
}

void uart_interrupt(void) {
    ERRORSRC = ERRORSRC;
    while (RXDRDY != 0u) {
        RXDRDY = 0u;
        receive_push((uint8_t)RXD);
    }
}
