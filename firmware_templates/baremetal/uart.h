/* A serial port, 8N1. One uart_*.c a peripheral. */
#ifndef UART_H
#define UART_H

#include <stdint.h>

/* Clocks, pins and baud rate as on the real board; receiving interrupts on. */
void uart_init(void);

/* Sends one byte, waiting for room. */
void uart_put(uint8_t byte);

/* Waits until the last byte has left. */
void uart_flush(void);

/* A received byte, or -1: for the fault handler, which runs above the receive interrupt. */
int uart_poll(void);

/* Moves received bytes into the ring of receive.h. */
void uart_interrupt(void);

#endif
