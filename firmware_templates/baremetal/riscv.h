/* Control and status registers of a 32-bit RISC-V core in machine mode (The RISC-V Instruction Set Manual, Volume II,
 * version 1.10), and the interrupt controller beside it (SiFive FE310-G000 Manual, "Platform-Level Interrupt
 * Controller"; hart 0). */
#ifndef RISCV_H
#define RISCV_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define PLIC_PRIORITY(irq) REGISTER(0x0C000000u + 4u * (irq))
#define PLIC_ENABLE(irq) REGISTER(0x0C002000u + 4u * ((irq) / 32u))
#define PLIC_THRESHOLD REGISTER(0x0C200000u)
#define PLIC_CLAIM REGISTER(0x0C200004u)

#define MIE_EXTERNAL (1u << 11)

/* At least this many bytes below the stack belong to no memory of the program: an overflow faults there. */
#define STACK_GUARD_BYTES 65536u
#define CORE_CHECKS_STACK 0

static inline void interrupts_off(void) {
    __asm__ volatile("csrci mstatus, 8" ::: "memory");
}
static inline void interrupts_on(void) {
    __asm__ volatile("csrsi mstatus, 8" ::: "memory");
}
static inline void wait_for_interrupt(void) {
    __asm__ volatile("wfi" ::: "memory"); /* wakes for a pending interrupt even while interrupts are off */
}

static inline uint32_t stack_pointer(void) {
    uint32_t value;
    __asm__ volatile("mv %0, sp" : "=r"(value));
    return value;
}

/* Lets the external interrupt `irq` through. */
static inline void interrupt_enable(uint32_t irq) {
    PLIC_THRESHOLD = 0u;
    PLIC_PRIORITY(irq) = 1u;
    PLIC_ENABLE(irq) |= 1u << (irq % 32u);
    __asm__ volatile("csrs mie, %0" ::"r"(MIE_EXTERNAL));
}

#endif
