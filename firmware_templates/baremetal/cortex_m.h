/* Registers of the core that every Cortex-M shares (ARMv6-M, ARMv7-M and ARMv8-M Architecture Reference Manuals,
 * "System Control Space"). */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* SysTick */
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)

/* Interrupt controller */
#define NVIC_ISER(irq) REGISTER(0xE000E100u + 4u * ((irq) / 32u))

/* System control block */
#define SCB_ICSR REGISTER(0xE000ED04u)
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_MMFAR REGISTER(0xE000ED34u)
#define SCB_BFAR REGISTER(0xE000ED38u)
#define SCB_CPACR REGISTER(0xE000ED88u)

/* Cycle counter */
#define DEMCR REGISTER(0xE000EDFCu)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DWT_LAR REGISTER(0xE0001FB0u)

#if defined(__ARM_ARCH_6M__)
#define CORE_IS_V6M 1 /* no CFSR, no DWT cycle counter, no VTOR on the M0 */
#else
#define CORE_IS_V6M 0
#endif

#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
#define CORE_HAS_STACK_LIMIT 1
#else
#define CORE_HAS_STACK_LIMIT 0
#endif

#define CORE_CHECKS_STACK 0 /* an overflow faults */

static inline void interrupts_off(void) {
    __asm__ volatile("cpsid i" ::: "memory");
}
static inline void interrupts_on(void) {
    __asm__ volatile("cpsie i" ::: "memory");
}
static inline void wait_for_interrupt(void) {
    __asm__ volatile("wfi" ::: "memory");
}
static inline void barrier(void) {
    __asm__ volatile("dsb\n isb" ::: "memory");
}

static inline uint32_t stack_pointer(void) {
    uint32_t value;
    __asm__ volatile("mov %0, sp" : "=r"(value));
    return value;
}

#endif
