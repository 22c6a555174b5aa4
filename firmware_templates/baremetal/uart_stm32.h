/* The USART that STM32F1 and STM32F4 share (RM0041 section 23.6, RM0090 section 30.6). The clocks and pins around it
 * differ: see uart_stm32f1.c and uart_stm32f4.c, which include this once each. */
#ifndef UART_STM32_H
#define UART_STM32_H

#include "board.h"
#include "cortex_m.h"
#include "receive.h"
#include "uart.h"

#define USART_SR REGISTER(UART_BASE + 0x00u)
#define USART_DR REGISTER(UART_BASE + 0x04u)
#define USART_BRR REGISTER(UART_BASE + 0x08u)
#define USART_CR1 REGISTER(UART_BASE + 0x0Cu)

#define SR_OVERRUN (1u << 3)
#define SR_RECEIVED (1u << 5)
#define SR_SENT (1u << 6)
#define SR_ROOM (1u << 7)
#define CR1_ENABLE ((1u << 13) | (1u << 5) | (1u << 3) | (1u << 2)) /* UE, RXNEIE, TE, RE */

/* Waiting for a clock ends without it too: the other oscillator takes over. */
#define CLOCK_TRIES 20000u

static inline int becomes(volatile uint32_t *address, uint32_t mask, uint32_t value) {
    for (uint32_t tries = 0u; tries < CLOCK_TRIES; ++tries) {
        if ((*address & mask) == value) {
            return 1;
        }
    }
    return 0;
}

static inline void usart_enable(void) {
    USART_BRR = (UART_CLOCK_HZ + UART_BAUD / 2u) / UART_BAUD; /* oversampling by 16: the divider is in sixteenths */
    USART_CR1 = CR1_ENABLE;
    NVIC_ISER(UART_IRQ) = 1u << (UART_IRQ % 32u);
}

void uart_put(uint8_t byte) {
    while ((USART_SR & SR_ROOM) == 0u) {
    }
    USART_DR = byte;
}

void uart_flush(void) {
    while ((USART_SR & SR_SENT) == 0u) {
    }
}

/* Reading the data also clears an overrun. */
int uart_poll(void) {
    const uint32_t state = USART_SR;
    if ((state & (SR_RECEIVED | SR_OVERRUN)) == 0u) {
        return -1;
    }
    const int byte = (int)(USART_DR & 0xFFu);
    return (state & SR_RECEIVED) != 0u ? byte : -1;
}

void uart_interrupt(void) {
    for (int byte = uart_poll(); byte >= 0; byte = uart_poll()) {
        receive_push((uint8_t)byte);
    }
}

#endif
