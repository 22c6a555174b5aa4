/* USART1 of the STM32F405 on PB6 (TX) and PB7 (RX), and 168 MHz from its PLL (RM0090, chapters 3 Flash, 5 PWR, 7 RCC
 * and 8 GPIO). */
#include "uart_stm32.h"

#define RCC_CR REGISTER(0x40023800u)
#define RCC_PLLCFGR REGISTER(0x40023804u)
#define RCC_CFGR REGISTER(0x40023808u)
#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_APB1ENR REGISTER(0x40023840u)
#define RCC_APB2ENR REGISTER(0x40023844u)
#define PWR_CR REGISTER(0x40007000u)
#define FLASH_ACR REGISTER(0x40023C00u)
#define GPIOB_MODER REGISTER(0x40020400u)
#define GPIOB_PUPDR REGISTER(0x4002040Cu)
#define GPIOB_AFRL REGISTER(0x40020420u)

#define CR_HSE_ON (1u << 16)
#define CR_HSE_READY (1u << 17)
#define CR_PLL_ON (1u << 24)
#define CR_PLL_READY (1u << 25)
#define PLL_FROM_HSE (1u << 22)
/* Input divided to 1 MHz, times 336, core at half of it (168 MHz), USB at a seventh. */
#define PLL_168_MHZ(input_mhz) ((input_mhz) | (336u << 6) | (7u << 24))
#define CFGR_DIVIDERS ((5u << 10) | (4u << 13)) /* APB1 at 42 MHz, APB2 at 84 MHz */
#define CFGR_USE_PLL 2u
#define CFGR_PLL_IN_USE (2u << 2)
#define FLASH_FIVE_WAIT_STATES_AND_CACHES (5u | (7u << 8))

static void clock_init(void) {
    RCC_APB1ENR |= 1u << 28; /* power control */
    PWR_CR |= 1u << 14;      /* voltage scale 1, which 168 MHz needs */
    RCC_CR |= CR_HSE_ON;
    if (becomes(&RCC_CR, CR_HSE_READY, CR_HSE_READY)) {
        RCC_PLLCFGR = PLL_FROM_HSE | PLL_168_MHZ(BOARD_CRYSTAL_HZ / 1000000u);
    } else {
        RCC_PLLCFGR = PLL_168_MHZ(16u); /* the internal oscillator */
    }
    RCC_CR |= CR_PLL_ON;
    FLASH_ACR = FLASH_FIVE_WAIT_STATES_AND_CACHES;
    RCC_CFGR = CFGR_DIVIDERS;
    if (becomes(&RCC_CR, CR_PLL_READY, CR_PLL_READY)) {
        RCC_CFGR |= CFGR_USE_PLL;
        (void)becomes(&RCC_CFGR, 3u << 2, CFGR_PLL_IN_USE);
    }
}

void uart_init(void) {
    clock_init();
    RCC_AHB1ENR |= 1u << 1;                                     /* port B */
    RCC_APB2ENR |= 1u << 4;                                     /* USART1 */
    GPIOB_MODER = (GPIOB_MODER & ~(0xFu << 12)) | (0xAu << 12); /* PB6 and PB7 in alternate function ... */
    GPIOB_AFRL = (GPIOB_AFRL & ~(0xFFu << 24)) | (0x77u << 24); /* ... 7, USART1 */
    GPIOB_PUPDR = (GPIOB_PUPDR & ~(0xFu << 12)) | (0x4u << 12); /* RX pulled up: an open line is idle */
    usart_enable();
}
