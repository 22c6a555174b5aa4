/* Faults are reported over the serial port, and then wait for a reset request. */
#ifndef FAULT_H
#define FAULT_H

/* Entered by the core on every fault. */
void fault_handler(void);

/* Resets the chip. */
__attribute__((noreturn)) void system_reset(void);

#endif
