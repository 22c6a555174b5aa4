/* An AVR has no faults: what is reported is a stack that ran into the data, an interrupt that nobody enabled, and a
 * model that does not start. */
#include "core.h"
#include "fault.h"
#include "stack.h"

#define WDTCSR REGISTER8(0x60u)
#define WATCHDOG_CHANGE 0x18u /* WDCE, WDE */
#define WATCHDOG_RESET_16MS 0x08u

void system_reset(void) {
    interrupts_off();
    WDTCSR = WATCHDOG_CHANGE;
    WDTCSR = WATCHDOG_RESET_16MS;
    for (;;) {
    }
}

/* Goes on from the top of the stack's place: the stack may be what broke. */
__attribute__((naked)) static void serve_from_top(void) {
    __asm__ volatile("clr __zero_reg__\n"
                     "ldi r28, lo8(link_fault_stack_top - 1)\n"
                     "ldi r29, hi8(link_fault_stack_top - 1)\n"
                     "out 0x3e, r29\n"
                     "out 0x3d, r28\n"
                     "jmp fault_serve\n");
}

void fault_handler(void) {
    interrupts_off();
    fault.cause = CAUSE_OTHER;
    fault.pc = 2u * (uint32_t)(uintptr_t)__builtin_return_address(0); /* it counts words */
    serve_from_top();
}

void stack_overrun(void) {
    interrupts_off();
    fault.cause = CAUSE_STACK_OVERFLOW;
    fault.pc = 2u * (uint32_t)(uintptr_t)__builtin_return_address(0);
    serve_from_top();
}
