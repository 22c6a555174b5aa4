/* Clocks, supplies and pins of a USART on any STM32 whose ports have a mode register (all but the STM32F1), as the
 * board's file tells them. The core stays at the clock that it has after reset. */
#ifndef UART_STM32_ANY_H
#define UART_STM32_ANY_H

#include "board.h"
#include "core.h"

#define PORT(pin) (GPIO_BASE + 0x400u * ((pin) / 16u))
#define MODER(pin) REGISTER(PORT(pin) + 0x00u)
#define PUPDR(pin) REGISTER(PORT(pin) + 0x0Cu)
#define AFR(pin) REGISTER(PORT(pin) + 0x20u + 4u * ((pin) % 16u / 8u))

/* Alternate function, pulled up: an open line is idle. */
static inline void pin_init(uint32_t pin) {
    const uint32_t two = 2u * (pin % 16u);
    const uint32_t four = 4u * (pin % 8u);
    AFR(pin) = (AFR(pin) & ~(0xFu << four)) | (UART_ALTERNATE_FUNCTION << four);
    PUPDR(pin) = (PUPDR(pin) & ~(3u << two)) | (1u << two);
    MODER(pin) = (MODER(pin) & ~(3u << two)) | (2u << two);
}

static inline void pins_init(void) {
    static const struct { uint32_t address, bit; } enable[] = {UART_ENABLE};
    for (uint32_t i = 0u; i < sizeof enable / sizeof enable[0]; ++i) {
        REGISTER(enable[i].address) |= 1u << enable[i].bit;
        (void)REGISTER(enable[i].address); /* a clock takes two cycles to come on */
    }
    pin_init(UART_TX_PIN);
    pin_init(UART_RX_PIN);
}

#endif
