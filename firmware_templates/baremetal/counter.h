/* Counts what runs between start and stop, by the best counter that the core has. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

enum { COUNTER_NONE = 0, COUNTER_SYSTICK = 1, COUNTER_DWT = 2, COUNTER_MINSTRET = 3, COUNTER_AVR_TIMER = 4 };

/* Finds a counter that advances, and measures what an empty measurement and a wrap cost. */
void counter_init(void);

/* One of the kinds above. */
uint8_t counter_kind(void);

void counter_start(void);

/* Ticks since counter_start, net of an empty measurement. DWT counts modulo 2^32. */
uint64_t counter_stop(void);

/* The wrap of a counter that interrupts for it. */
void counter_interrupt(void);

#endif
