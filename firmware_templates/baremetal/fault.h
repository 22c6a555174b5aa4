/* Faults are reported over the serial port, and then wait for a reset request. */
#ifndef FAULT_H
#define FAULT_H

#include <stdint.h>

enum { CAUSE_HARD_FAULT = 1, CAUSE_STACK_OVERFLOW = 2, CAUSE_WATCHDOG = 3, CAUSE_OTHER = 4 };

/* What is known of a fault; 0 where the core does not tell. */
typedef struct {
    uint32_t cause, pc, lr, status, address;
} Fault;

extern Fault fault;

/* Entered on every fault. */
void fault_handler(void);

/* Says what happened, and again to whatever is asked but a reset. */
__attribute__((noreturn)) void fault_serve(void);

/* Resets the chip. */
__attribute__((noreturn)) void system_reset(void);

#endif
