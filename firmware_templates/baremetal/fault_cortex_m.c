/* What a Cortex-M core leaves of a fault, and its reset. */
#include "board.h"
#include "core.h"
#include "fault.h"

#define CFSR_MMFAR_VALID (1u << 7)
#define CFSR_BFAR_VALID (1u << 15)
#define CFSR_STACK_LIMIT (1u << 20)
#define EXCEPTION_FRAME_BYTES 32u
#define BELOW_STACK_BYTES 65536u /* an access up to this far below the stack is taken for its overflow */

#define NMI 2u

extern uint32_t link_stack_bottom[], link_stack_top[], link_code_start[], link_data_load[];

void fault_capture(uint32_t stack, uint32_t exception);

void system_reset(void) {
    barrier();
    SCB_AIRCR = 0x05FA0004u; /* key, SYSRESETREQ */
    barrier();
    for (;;) {
    }
}

/* The stack lies at the bottom of RAM, so that running over it leaves RAM and faults; ARMv8-M checks a limit. */
static int is_stack_overflow(uint32_t stack, uint32_t bottom) {
    const uint32_t address = fault.address;
    const int below = address != 0u && address < bottom && bottom - address <= BELOW_STACK_BYTES;
    return stack < bottom + 2u * EXCEPTION_FRAME_BYTES || below || (fault.status & CFSR_STACK_LIMIT) != 0u;
}

static uint32_t halfword(uint32_t address) {
    return *(const volatile uint16_t *)(uintptr_t)address;
}

/* Whether `value` is an address that a call returns to: behind a BL or a BLX of a register (ARMv7-M Architecture
 * Reference Manual, sections A7.7.18 and A7.7.19), with the Thumb bit set. */
static inline int is_return_address(uint32_t value) {
    const uint32_t first = (uint32_t)(uintptr_t)link_code_start + 4u;
    const uint32_t at = value & ~1u;
    if (at == value || at < first || at >= (uint32_t)(uintptr_t)link_data_load) {
        return 0;
    }
    const int is_bl = (halfword(at - 4u) & 0xF800u) == 0xF000u && (halfword(at - 2u) & 0xD000u) == 0xD000u;
    return is_bl || (halfword(at - 2u) & 0xFF87u) == 0x4780u;
}

/* The call nearest to the stack's end. An overflow leaves the core no place for its exception frame, and the PC is
 * lost; but the function that overflowed, or its caller, is the last that left a return address. */
static uint32_t deepest_call(uint32_t bottom, uint32_t top) {
    for (uint32_t at = bottom; at < top; at += 4u) {
        const uint32_t value = REGISTER(at);
        if (is_return_address(value)) {
            return (value & ~1u) - 2u;
        }
    }
    return 0u;
}

/* `stack` is the stack pointer that the core left, below its exception frame: r0 to r3, r12, lr, pc, xPSR. Calls
 * next to nothing and needs next to no stack, since that frame may lie close below. */
__attribute__((used)) void fault_capture(uint32_t stack, uint32_t exception) {
    const uint32_t bottom = (uint32_t)(uintptr_t)link_stack_bottom;
    const uint32_t top = (uint32_t)(uintptr_t)link_stack_top;
    const int is_frame = stack >= bottom && stack <= top - EXCEPTION_FRAME_BYTES;
    fault.lr = is_frame ? REGISTER(stack + 20u) : 0u;
    fault.pc = is_frame ? REGISTER(stack + 24u) : 0u;
    fault.status = 0u;
    fault.address = 0u;
#if !CORE_IS_V6M
    fault.status = SCB_CFSR;
    if ((fault.status & CFSR_MMFAR_VALID) != 0u) {
        fault.address = SCB_MMFAR;
    } else if ((fault.status & CFSR_BFAR_VALID) != 0u) {
        fault.address = SCB_BFAR;
    }
#endif
    if (is_stack_overflow(stack, bottom)) {
        fault.cause = CAUSE_STACK_OVERFLOW;
        if (!is_frame || (fault.status & CFSR_STACK_LIMIT) != 0u) {
            fault.lr = 0u;
            fault.pc = deepest_call(bottom, top);
        }
    } else if (NMI_IS_WATCHDOG && exception == NMI) {
        fault.cause = CAUSE_WATCHDOG;
    } else {
        fault.cause = exception >= 3u && exception <= 7u ? CAUSE_HARD_FAULT : CAUSE_OTHER;
    }
}

/* The stack may be what broke: hand its pointer over, and go on from the top of its place. */
__attribute__((naked)) void fault_handler(void) {
    __asm__ volatile("mov r0, sp\n"
                     "mrs r1, ipsr\n"
                     "ldr r2, =link_fault_stack_top\n"
                     "mov sp, r2\n"
                     "bl fault_capture\n"
                     "bl fault_serve\n"
                     ".ltorg\n");
}
