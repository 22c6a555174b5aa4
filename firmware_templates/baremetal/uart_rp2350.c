/* UART0 of the RP2350, and 150 MHz from its PLL (RP2350 datasheet, sections 7.5 resets, 8.1 clocks, 8.2 crystal, 8.6
 * PLL, 9.11 GPIO and 12.1 UART). */
#define RESETS 0x40020000u
#define CLOCKS 0x40010000u
#define XOSC 0x40048000u
#define PLL 0x40050000u
#define PLL_BY 5u
#define IO_BANK0 0x40028000u
#define RESET_IO_BANK0 (1u << 6)
#define RESET_PADS_BANK0 (1u << 9)
#define RESET_PLL_SYS (1u << 14)
#define RESET_UART0 (1u << 26)
#include "uart_rp2.h"

#define PADS_GPIO(pin) REGISTER(0x40038004u + 4u * (pin))
#define PAD_INPUT_PULLED_UP 0x5Au /* input on, pull-up, Schmitt trigger, 4 mA; no longer isolated (bit 8) */

static void pads_init(void) {
    PADS_GPIO(UART_TX_PIN) = PAD_INPUT_PULLED_UP;
    PADS_GPIO(UART_RX_PIN) = PAD_INPUT_PULLED_UP;
}
