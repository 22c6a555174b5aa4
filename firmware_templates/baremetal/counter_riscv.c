/* Retired instructions (minstret). */
#include "core.h"
#include "counter.h"

#define CALIBRATIONS 4u

static uint64_t started;
static uint32_t empty; /* of a measurement of nothing */

static uint64_t retired(void) {
    uint32_t high = 0u, low = 0u, again = 0u;
    do { /* again if the low half wraps between the two readings */
        __asm__ volatile("csrr %0, minstreth\n"
                         "csrr %1, minstret\n"
                         "csrr %2, minstreth"
                         : "=&r"(high), "=&r"(low), "=&r"(again));
    } while (high != again);
    return ((uint64_t)high << 32) | low;
}

uint8_t counter_kind(void) {
    return COUNTER_MINSTRET;
}

void counter_start(void) {
    started = retired();
}

static uint64_t elapsed(void) {
    return retired() - started;
}

uint64_t counter_stop(void) {
    const uint64_t gross = elapsed();
    return gross > empty ? gross - empty : 0u;
}

void counter_init(void) {
    empty = 0xFFFFFFFFu;
    for (uint32_t i = 0u; i < CALIBRATIONS; ++i) { /* the least, since an interrupt may come between */
        counter_start();
        const uint32_t nothing = (uint32_t)elapsed();
        empty = nothing < empty ? nothing : empty;
    }
}

void counter_interrupt(void) {
}
