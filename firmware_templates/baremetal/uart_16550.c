/* UART 16550, registers a byte apart (Texas Instruments PC16550D datasheet). */
#include "board.h"
#include "core.h"
#include "receive.h"
#include "uart.h"

#define PORT(offset) (*(volatile uint8_t *)(uintptr_t)(UART_BASE + (offset)))
#define DATA PORT(0u)
#define INTERRUPTS PORT(1u)
#define FIFO PORT(2u)
#define LINE PORT(3u)
#define STATUS PORT(5u)

#define LINE_8N1 0x03u
#define LINE_DIVISOR 0x80u /* DATA and INTERRUPTS are the divisor's bytes */
#define STATUS_RECEIVED (1u << 0)
#define STATUS_ROOM (1u << 5)
#define STATUS_SENT (1u << 6)
#define DIVISOR ((UART_CLOCK_HZ + 8u * UART_BAUD) / (16u * UART_BAUD))

void uart_init(void) {
    LINE = LINE_DIVISOR;
    DATA = (uint8_t)DIVISOR;
    INTERRUPTS = (uint8_t)(DIVISOR >> 8);
    LINE = LINE_8N1;
    FIFO = 0x07u;       /* on, and emptied */
    INTERRUPTS = 0x01u; /* received data */
    interrupt_enable(UART_IRQ);
}

void uart_put(uint8_t byte) {
    while ((STATUS & STATUS_ROOM) == 0u) {
    }
    DATA = byte;
}

void uart_flush(void) {
    while ((STATUS & STATUS_SENT) == 0u) {
    }
}

int uart_poll(void) {
    return (STATUS & STATUS_RECEIVED) != 0u ? (int)DATA : -1;
}

void uart_interrupt(void) {
    for (int byte = uart_poll(); byte >= 0; byte = uart_poll()) {
        receive_push((uint8_t)byte);
    }
}
