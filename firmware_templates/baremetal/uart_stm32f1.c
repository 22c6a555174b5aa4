/* USART1 of the STM32F100 on PA9 (TX) and PA10 (RX), and 24 MHz from its PLL (RM0041, chapters 6 RCC and 7 GPIO). */
#include "uart_stm32.h"

#define RCC_CR REGISTER(0x40021000u)
#define RCC_CFGR REGISTER(0x40021004u)
#define RCC_APB2ENR REGISTER(0x40021018u)
#define GPIOA_CRH REGISTER(0x40010804u)

#define CR_HSE_ON (1u << 16)
#define CR_HSE_READY (1u << 17)
#define CR_PLL_ON (1u << 24)
#define CR_PLL_READY (1u << 25)
#define CFGR_PLL_FROM_HSE (1u << 16)
#define CFGR_PLL_TIMES(n) (((n)-2u) << 18)
#define CFGR_USE_PLL 2u
#define CFGR_PLL_IN_USE (2u << 2)

/* 24 MHz: the crystal's 8 MHz times 3, or, without it, half of the internal 8 MHz times 6. */
static void clock_init(void) {
    RCC_CR |= CR_HSE_ON;
    if (becomes(&RCC_CR, CR_HSE_READY, CR_HSE_READY)) {
        RCC_CFGR = CFGR_PLL_FROM_HSE | CFGR_PLL_TIMES(3u);
    } else {
        RCC_CFGR = CFGR_PLL_TIMES(6u);
    }
    RCC_CR |= CR_PLL_ON;
    if (becomes(&RCC_CR, CR_PLL_READY, CR_PLL_READY)) {
        RCC_CFGR |= CFGR_USE_PLL;
        (void)becomes(&RCC_CFGR, 3u << 2, CFGR_PLL_IN_USE);
    }
}

void uart_init(void) {
    clock_init();
    RCC_APB2ENR |= (1u << 0) | (1u << 2) | (1u << 14);             /* AFIO, port A, USART1 */
    GPIOA_CRH = (GPIOA_CRH & ~0xFF0u) | (0xBu << 4) | (0x4u << 8); /* PA9 alternate push-pull, PA10 floating input */
    usart_enable();
}
