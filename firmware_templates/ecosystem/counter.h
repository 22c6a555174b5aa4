/* Counts microseconds of the ecosystem's clock between start and stop. Included by serve.c alone. */
#ifndef COUNTER_H
#define COUNTER_H

#include "device.h"

enum { COUNTER_NONE = 0, COUNTER_MICROSECONDS = 5 };

#define COUNTER_HZ 1000000u

static uint32_t counter_started;

static inline uint8_t counter_kind(void) {
    return COUNTER_MICROSECONDS;
}

static inline void counter_start(void) {
    counter_started = tinykit_microseconds();
}

static inline uint64_t counter_stop(void) {
    return tinykit_microseconds() - counter_started;
}

#endif
