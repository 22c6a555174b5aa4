/* From reset to main on RISC-V: stack and its guard, traps, .data and .bss. */
#include <stdint.h>

#include "board.h"
#include "core.h"
#include "fault.h"
#include "uart.h"

/* Places that the linker script defines; only their addresses have a meaning. */
extern uint32_t link_stack_bottom[];
extern uint32_t link_data_start[], link_data_end[], link_data_load[];
extern uint32_t link_bss_start[], link_bss_end[];

int main(void);
void reset_handler(void);
void trap_entry(void);
void start(void);

/* Nobody may touch the bytes below the stack, not even machine mode: the entry is locked until reset (Volume II,
 * "Physical Memory Protection": a naturally aligned power of two is written as its address with ones for its size).
 */
static void guard_stack(void) {
    const uint32_t base = (uint32_t)(uintptr_t)link_stack_bottom - STACK_GUARD_BYTES;
    __asm__ volatile("csrw pmpaddr0, %0" ::"r"((base >> 2) | (STACK_GUARD_BYTES / 8u - 1u)));
    __asm__ volatile("csrw pmpcfg0, %0" ::"r"(0x98u)); /* locked, naturally aligned, no access */
}

__attribute__((interrupt("machine"), used)) void external_interrupt(void) {
    const uint32_t irq = PLIC_CLAIM;
    if (irq == UART_IRQ) {
        uart_interrupt();
    }
    PLIC_CLAIM = irq;
}

/* mscratch holds the fault handler's stack while nothing is wrong. */
__attribute__((naked, used, aligned(4))) void trap_entry(void) {
    __asm__ volatile("csrrw sp, mscratch, sp\n"
                     "sw t0, -4(sp)\n"
                     "csrr t0, mcause\n"
                     "bgez t0, 1f\n" /* the top bit tells interrupts from faults */
                     "lw t0, -4(sp)\n"
                     "csrrw sp, mscratch, sp\n"
                     "j external_interrupt\n"
                     "1: mv a0, ra\n"
                     "csrr a1, mepc\n"
                     "csrr a2, mcause\n"
                     "csrr a3, mtval\n"
                     "call fault_capture\n"
                     "call fault_serve\n");
}

__attribute__((used, noreturn)) void start(void) {
    guard_stack();
    const uint32_t *from = link_data_load;
    for (uint32_t *to = link_data_start; to < link_data_end; ++to) {
        *to = *from++;
    }
    for (volatile uint32_t *to = link_bss_start; to < (volatile uint32_t *)link_bss_end; ++to) {
        *to = 0u;
    }
    (void)main();
    __builtin_trap(); /* main returns when the model cannot start: the fault handler says so */
}

__attribute__((naked, used, section(".vectors"))) void reset_handler(void) {
    __asm__ volatile("csrci mstatus, 8\n"
                     "csrw mie, zero\n"
                     ".option push\n"
                     ".option norelax\n"
                     "la gp, __global_pointer$\n"
                     ".option pop\n"
                     "la t0, trap_entry\n"
                     "csrw mtvec, t0\n"
                     "la t0, link_fault_stack_top\n"
                     "csrw mscratch, t0\n"
                     "la sp, link_stack_top\n"
                     "j start\n");
}
