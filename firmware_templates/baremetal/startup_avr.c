/* From reset to main on an ATmega328P: vectors (datasheet DS40002061, "Interrupt Vectors in ATmega328P"), watchdog,
 * .data and .bss. */
#include <stdint.h>

#include "board.h"
#include "core.h"
#include "counter.h"
#include "fault.h"
#include "uart.h"

#if UART_IRQ != 18
#error "the vectors are those of an ATmega328P, whose USART receives by vector 18"
#endif

#define MCUSR REGISTER8(0x54u)
#define WDTCSR REGISTER8(0x60u)
#define WATCHDOG_CHANGE 0x18u /* WDCE, WDE */

/* Places that the linker script defines; only their addresses have a meaning. */
extern uint8_t link_data_start[], link_data_end[], link_bss_start[], link_bss_end[];
extern const __flash uint8_t link_data_load[];

int main(void);
void reset_handler(void);
void start(void);
void __vector_13(void);
void __vector_18(void);

__asm__(".section .vectors, \"ax\"\n"
        "jmp reset_handler\n"
        ".rept 12\n jmp fault_handler\n .endr\n"
        "jmp __vector_13\n"
        ".rept 4\n jmp fault_handler\n .endr\n"
        "jmp __vector_18\n"
        ".rept 7\n jmp fault_handler\n .endr\n"
        ".text\n");

/* Timer 1 overflows. */
__attribute__((signal, used)) void __vector_13(void) {
    counter_interrupt();
}

/* USART0 received a byte. */
__attribute__((signal, used)) void __vector_18(void) {
    uart_interrupt();
}

__attribute__((used, noreturn)) void start(void) {
    MCUSR = 0u; /* the watchdog runs on after it has reset the chip */
    WDTCSR = WATCHDOG_CHANGE;
    WDTCSR = 0u;
    const __flash uint8_t *from = link_data_load;
    for (uint8_t *to = link_data_start; to != link_data_end; ++to) {
        *to = *from++;
    }
    for (volatile uint8_t *to = link_bss_start; to != link_bss_end; ++to) {
        *to = 0u;
    }
    (void)main();
    fault_handler(); /* main returns when the model cannot start */
    for (;;) {
    }
}

__attribute__((naked, used)) void reset_handler(void) {
    __asm__ volatile("clr __zero_reg__\n"
                     "out 0x3f, __zero_reg__\n"
                     "ldi r28, lo8(link_stack_top - 1)\n"
                     "ldi r29, hi8(link_stack_top - 1)\n"
                     "out 0x3e, r29\n"
                     "out 0x3d, r28\n"
                     "jmp start\n");
}
