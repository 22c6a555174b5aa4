/* The PL011 of RP2040 and RP2350 with the clocks and pins around it; uart_rp2040.c and uart_rp2350.c say where these
 * are, and include this once each. */
#ifndef UART_RP2_H
#define UART_RP2_H

#include "board.h"
#include "core.h"
#include "receive.h"
#include "uart.h"

#define RESETS_RESET_CLEAR REGISTER(RESETS + 0x3000u)
#define RESETS_DONE REGISTER(RESETS + 0x08u)
#define CLK_REF_CTRL REGISTER(CLOCKS + 0x30u)
#define CLK_REF_SELECTED REGISTER(CLOCKS + 0x38u)
#define CLK_SYS_CTRL REGISTER(CLOCKS + 0x3Cu)
#define CLK_SYS_SELECTED REGISTER(CLOCKS + 0x44u)
#define CLK_PERI_CTRL REGISTER(CLOCKS + 0x48u)
#define XOSC_CTRL REGISTER(XOSC + 0x00u)
#define XOSC_STATUS REGISTER(XOSC + 0x04u)
#define XOSC_STARTUP REGISTER(XOSC + 0x0Cu)
#define PLL_CS REGISTER(PLL + 0x00u)
#define PLL_PWR REGISTER(PLL + 0x04u)
#define PLL_FBDIV REGISTER(PLL + 0x08u)
#define PLL_PRIM REGISTER(PLL + 0x0Cu)
#define GPIO_CTRL(pin) REGISTER(IO_BANK0 + 0x04u + 8u * (pin))

static void pads_init(void);

#define UARTDR REGISTER(UART_BASE + 0x00u)
#define UARTFR REGISTER(UART_BASE + 0x18u)
#define UARTIBRD REGISTER(UART_BASE + 0x24u)
#define UARTFBRD REGISTER(UART_BASE + 0x28u)
#define UARTLCR_H REGISTER(UART_BASE + 0x2Cu)
#define UARTCR REGISTER(UART_BASE + 0x30u)
#define UARTIMSC REGISTER(UART_BASE + 0x38u)

#define XOSC_ENABLE ((0xFABu << 12) | 0xAA0u) /* 1 to 15 MHz */
#define XOSC_DELAY 47u                        /* in 256 cycles: 1 ms at 12 MHz */
#define READY (1u << 31)
#define REF_FROM_XOSC 2u
#define SYS_FROM_PLL 1u
#define PERI_FROM_SYS (1u << 11)
#define PLL_TIMES (1500000000u / BOARD_CRYSTAL_HZ) /* 1500 MHz, and then by PLL_BY and by 2 */
#define PLL_DIVIDERS ((PLL_BY << 16) | (2u << 12))
#define PLL_ALL_OFF 0x2Du
#define PLL_POST_DIVIDER_OFF 0x08u

#define FLAG_BUSY (1u << 3)
#define FLAG_EMPTY (1u << 4)
#define FLAG_FULL (1u << 5)
#define LINE_8N1_FIFO ((3u << 5) | (1u << 4))
#define CONTROL_ON ((1u << 9) | (1u << 8) | 1u)
#define RECEIVE_AND_TIMEOUT ((1u << 4) | (1u << 6))
#define DIVISOR_64THS ((uint32_t)((UART_CLOCK_HZ * 4ull + UART_BAUD / 2u) / UART_BAUD))

static void await(volatile uint32_t *address, uint32_t bits) {
    while ((*address & bits) != bits) {
    }
}

static void unreset(uint32_t blocks) {
    RESETS_RESET_CLEAR = blocks;
    await(&RESETS_DONE, blocks);
}

static void clock_init(void) {
    XOSC_STARTUP = XOSC_DELAY;
    XOSC_CTRL = XOSC_ENABLE;
    await(&XOSC_STATUS, READY);
    CLK_SYS_CTRL = 0u; /* from the reference while the PLL starts, also after a reset of the core alone */
    await(&CLK_SYS_SELECTED, 1u);
    CLK_REF_CTRL = REF_FROM_XOSC;
    await(&CLK_REF_SELECTED, 1u << REF_FROM_XOSC);
    unreset(RESET_PLL_SYS);
    PLL_PWR = PLL_ALL_OFF;
    PLL_CS = 1u;
    PLL_FBDIV = PLL_TIMES;
    PLL_PWR = PLL_POST_DIVIDER_OFF | 4u; /* bit 2, DSMPD, stays */
    await(&PLL_CS, READY);
    PLL_PRIM = PLL_DIVIDERS;
    PLL_PWR = 4u;
    CLK_SYS_CTRL = SYS_FROM_PLL;
    await(&CLK_SYS_SELECTED, 1u << SYS_FROM_PLL);
    CLK_PERI_CTRL = PERI_FROM_SYS;
}

void uart_init(void) {
    clock_init();
    unreset(RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_UART0);
    UARTIBRD = DIVISOR_64THS >> 6;
    UARTFBRD = DIVISOR_64THS & 63u;
    UARTLCR_H = LINE_8N1_FIFO;
    UARTCR = CONTROL_ON;
    UARTIMSC = RECEIVE_AND_TIMEOUT;
    pads_init();
    GPIO_CTRL(UART_TX_PIN) = 2u; /* function 2: UART */
    GPIO_CTRL(UART_RX_PIN) = 2u;
    NVIC_ISER(UART_IRQ) = 1u << (UART_IRQ % 32u);
}

void uart_put(uint8_t byte) {
    while ((UARTFR & FLAG_FULL) != 0u) {
    }
    UARTDR = byte;
}

void uart_flush(void) {
    while ((UARTFR & FLAG_BUSY) != 0u) {
    }
}

int uart_poll(void) {
    return (UARTFR & FLAG_EMPTY) != 0u ? -1 : (int)(UARTDR & 0xFFu);
}

void uart_interrupt(void) {
    for (int byte = uart_poll(); byte >= 0; byte = uart_poll()) {
        receive_push((uint8_t)byte);
    }
}

#endif
