/* USART0 of the ATmega328P, at double speed (datasheet DS40002061, "USART0"). */
#include "board.h"
#include "core.h"
#include "receive.h"
#include "uart.h"

#define STATUS REGISTER8(UART_BASE + 0u)
#define CONTROL REGISTER8(UART_BASE + 1u)
#define FORMAT REGISTER8(UART_BASE + 2u)
#define DIVISOR REGISTER16(UART_BASE + 4u)
#define DATA REGISTER8(UART_BASE + 6u)

#define STATUS_RECEIVED (1u << 7)
#define STATUS_SENT (1u << 6)
#define STATUS_ROOM (1u << 5)
#define STATUS_DOUBLE_SPEED (1u << 1)
#define CONTROL_RECEIVE_INTERRUPT (1u << 7)
#define CONTROL_ENABLE ((1u << 4) | (1u << 3))
#define FORMAT_8N1 0x06u

static uint8_t has_sent;

void uart_init(void) {
    DIVISOR = (uint16_t)((UART_CLOCK_HZ + 4ul * UART_BAUD) / (8ul * UART_BAUD) - 1u);
    STATUS = STATUS_DOUBLE_SPEED;
    FORMAT = FORMAT_8N1;
    CONTROL = CONTROL_RECEIVE_INTERRUPT | CONTROL_ENABLE;
}

void uart_put(uint8_t byte) {
    while ((STATUS & STATUS_ROOM) == 0u) {
    }
    STATUS = STATUS_DOUBLE_SPEED | STATUS_SENT; /* written as one, it is cleared */
    DATA = byte;
    has_sent = 1u;
}

void uart_flush(void) {
    while (has_sent != 0u && (STATUS & STATUS_SENT) == 0u) {
    }
}

int uart_poll(void) {
    return (STATUS & STATUS_RECEIVED) != 0u ? (int)DATA : -1;
}

void uart_interrupt(void) {
    receive_push(DATA);
}
