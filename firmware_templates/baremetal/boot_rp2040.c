/* Second boot stage of the RP2040: the boot ROM copies these 256 bytes from the start of flash to RAM, checks the CRC
 * at their end and calls them (RP2040 datasheet, section 2.8.1). They map flash into memory by the slow read command
 * 03h, which every flash chip knows, at an eighth of the core's clock (section 4.10), and start the program behind.
 */

__asm__(".section .boot, \"ax\"\n"
        ".syntax unified\n"
        ".cpu cortex-m0plus\n"
        ".thumb\n"
        ".thumb_func\n"
        "boot_stage:\n"
        "ldr r0, =0x18000000\n" /* XIP_SSI */
        "movs r1, #0\n"
        "str r1, [r0, #0x08]\n" /* SSIENR: off, to be set up */
        "movs r1, #8\n"
        "str r1, [r0, #0x14]\n" /* BAUDR: the divider */
        "ldr r1, =0x001F0300\n" /* CTRLR0: frames of 32 bits, one data line, EEPROM read */
        "str r1, [r0, #0x00]\n"
        "movs r1, #0\n"
        "str r1, [r0, #0x04]\n" /* CTRLR1: one frame a read */
        "ldr r1, =0x03000218\n" /* SPI_CTRLR0: command 03h in 8 bits, 24 address bits */
        "movs r2, #0xF4\n"
        "str r1, [r0, r2]\n"
        "movs r1, #1\n"
        "str r1, [r0, #0x08]\n" /* on */
        "ldr r0, =0x10000100\n" /* the program's vectors */
        "ldr r1, =0xE000ED08\n" /* VTOR */
        "str r0, [r1]\n"
        "ldm r0!, {r1, r2}\n"
        "msr msp, r1\n"
        "bx r2\n"
        ".ltorg\n"
        ".balign 4\n"
        ".fill 252 - (. - boot_stage), 1, 0\n"
        ".word 0x7DD2B900\n" /* CRC-32 of the 252 bytes; a test holds it */
        ".text\n");
