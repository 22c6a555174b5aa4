/* What a RISC-V core leaves of a fault (Volume II, "Machine-Level CSRs": mcause, mepc, mtval). */
#include "core.h"
#include "fault.h"

extern uint32_t link_stack_bottom[];

void fault_capture(uint32_t ra, uint32_t pc, uint32_t cause, uint32_t address);
void reset_handler(void);

enum { MCAUSE_LOAD_FAULT = 5, MCAUSE_STORE_FAULT = 7 };

__attribute__((used)) void fault_capture(uint32_t ra, uint32_t pc, uint32_t cause, uint32_t address) {
    const uint32_t bottom = (uint32_t)(uintptr_t)link_stack_bottom;
    const int is_access = cause == MCAUSE_LOAD_FAULT || cause == MCAUSE_STORE_FAULT;
    const int is_below = address < bottom && bottom - address <= STACK_GUARD_BYTES;
    fault.pc = pc;
    fault.lr = ra;
    fault.status = cause;
    fault.address = is_access ? address : 0u;
    fault.cause = is_access && is_below ? CAUSE_STACK_OVERFLOW : CAUSE_HARD_FAULT;
}

/* Chips differ in how they are reset; the program starts over, and sets up all that it uses. */
void system_reset(void) {
    interrupts_off();
    __asm__ volatile("j reset_handler");
    __builtin_unreachable();
}
