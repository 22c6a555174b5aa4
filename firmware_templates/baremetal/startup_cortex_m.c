/* From reset to main: vector table, FPU, .data and .bss. Needs no start files of the C library. */
#include <stdint.h>

#include "board.h"
#include "cortex_m.h"
#include "counter.h"
#include "fault.h"
#include "uart.h"

/* Places that the linker script defines; only their addresses have a meaning. */
extern uint32_t link_stack_bottom[], link_stack_top[];
extern uint32_t link_data_start[], link_data_end[], link_data_load[];
extern uint32_t link_bss_start[], link_bss_end[];

int main(void);
void reset_handler(void);

typedef void (*Handler)(void);

typedef struct {
    uint32_t *stack_top;
    Handler handlers[15 + UART_IRQ + 1];
} VectorTable;

/* Entries that are absent belong to interrupts that are never enabled: taking one faults, and the fault is reported.
 */
extern const VectorTable vector_table;
__attribute__((section(".vectors"), used)) const VectorTable vector_table = {
    link_stack_top,
    {
        [0] = reset_handler,
        [1] = fault_handler,  /* NMI */
        [2] = fault_handler,  /* HardFault */
        [3] = fault_handler,  /* MemManage */
        [4] = fault_handler,  /* BusFault */
        [5] = fault_handler,  /* UsageFault */
        [6] = fault_handler,  /* SecureFault */
        [10] = fault_handler, /* SVCall */
        [13] = fault_handler, /* PendSV */
        [14] = counter_interrupt,
        [15 + UART_IRQ] = uart_interrupt,
    },
};

/* Apart from reset_handler, so that no vector or FPU instruction of it can run before the FPU is on. */
__attribute__((noinline, noreturn)) static void start(void) {
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

__attribute__((noreturn)) void reset_handler(void) {
#if !CORE_IS_V6M
    SCB_VTOR = (uint32_t)(uintptr_t)&vector_table;
#endif
#if CORE_HAS_STACK_LIMIT
    __asm__ volatile("msr msplim, %0" ::"r"(link_stack_bottom));
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= 0xFu << 20; /* full access to CP10 and CP11: FPU and MVE */
#endif
    barrier();
    start();
}
