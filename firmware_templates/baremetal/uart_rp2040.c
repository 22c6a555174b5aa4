/* UART0 of the RP2040, and 125 MHz from its PLL (RP2040 datasheet, sections 2.14 resets, 2.15 clocks, 2.16 crystal,
 * 2.18 PLL, 2.19 GPIO and 4.2 UART). */
#define RESETS 0x4000C000u
#define CLOCKS 0x40008000u
#define XOSC 0x40024000u
#define PLL 0x40028000u
#define PLL_BY 6u
#define IO_BANK0 0x40014000u
#define RESET_IO_BANK0 (1u << 5)
#define RESET_PADS_BANK0 (1u << 8)
#define RESET_PLL_SYS (1u << 12)
#define RESET_UART0 (1u << 22)
#include "uart_rp2.h"

/* They are right after reset. */
static void pads_init(void) {
}
