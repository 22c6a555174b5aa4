#include "counter.h"

#include "core.h"

#define SYSTICK_MODULUS 0x1000000u
#define SYSTICK_RUN 7u /* enabled, interrupt, processor clock */
#define PEND_SYSTICK (1u << 26)
#define CALIBRATIONS 4u

static uint8_t kind;
static volatile uint32_t wraps;
static uint32_t started;
static uint32_t empty_ticks; /* of a measurement of nothing */
static uint32_t wrap_ticks;  /* that the interrupt of one wrap takes */

void counter_interrupt(void) {
    wraps = wraps + 1u;
}

#if CORE_IS_V6M
static int cycles_advance(void) {
    return 0;
}
static uint32_t cycles(void) {
    return 0u;
}
#else
static uint32_t cycles(void) {
    return DWT_CYCCNT;
}

static int cycles_advance(void) {
    DEMCR |= 1u << 24;     /* trace on */
    DWT_LAR = 0xC5ACCE55u; /* unlock: the M7 has the lock, others ignore it */
    DWT_CTRL |= 1u;
    const uint32_t before = cycles();
    for (volatile uint32_t wait = 0u; wait < 16u; ++wait) {
    }
    return cycles() != before;
}
#endif

static int systick_advances(void) {
    SYST_RVR = SYSTICK_MODULUS - 1u;
    SYST_CVR = 0u;
    SYST_CSR = SYSTICK_RUN;
    for (volatile uint32_t wait = 0u; wait < 64u; ++wait) {
    }
    return SYST_CVR != 0u;
}

uint8_t counter_kind(void) {
    return kind;
}

void counter_start(void) {
    if (kind == COUNTER_DWT) {
        started = cycles();
    } else if (kind == COUNTER_SYSTICK) {
        SYST_CVR = 0u; /* reloads at the next tick */
        wraps = 0u;
        started = SYST_CVR;
        while (started == 0u) {
            started = SYST_CVR;
        }
    }
}

/* Ticks since counter_start, gross. `wrapped` receives the wraps among them. */
static uint64_t elapsed(uint32_t *wrapped) {
    *wrapped = 0u;
    if (kind == COUNTER_DWT) {
        return cycles() - started;
    }
    if (kind == COUNTER_NONE) {
        return 0u;
    }
    uint32_t now;
    do { /* again if a wrap comes between the two readings */
        *wrapped = wraps;
        now = SYST_CVR;
    } while (*wrapped != wraps);
    return (uint64_t)*wrapped * SYSTICK_MODULUS + started - now;
}

uint64_t counter_stop(void) {
    uint32_t wrapped;
    const uint64_t gross = elapsed(&wrapped);
    const uint64_t overhead = empty_ticks + (uint64_t)wrapped * wrap_ticks;
    return gross > overhead ? gross - overhead : 0u;
}

/* What an empty measurement shows. The least of a few, since an interrupt may come between. */
static uint32_t measure_empty(void) {
    uint32_t least = 0xFFFFFFFFu;
    for (uint32_t i = 0u; i < CALIBRATIONS; ++i) {
        uint32_t wrapped;
        counter_start();
        const uint32_t ticks = (uint32_t)elapsed(&wrapped);
        least = ticks < least ? ticks : least;
    }
    return least;
}

/* What a measurement shows that holds a write of `pending` to the interrupt controller, wraps aside. */
static uint32_t measure_pending(uint32_t pending) {
    uint32_t least = 0xFFFFFFFFu;
    for (uint32_t i = 0u; i < CALIBRATIONS; ++i) {
        uint32_t wrapped;
        counter_start();
        SCB_ICSR = pending;
        barrier();
        const uint64_t gross = elapsed(&wrapped);
        const uint32_t ticks = (uint32_t)(gross - (uint64_t)wrapped * SYSTICK_MODULUS);
        least = ticks < least ? ticks : least;
    }
    return least;
}

void counter_init(void) {
    kind = COUNTER_NONE;
    empty_ticks = 0u;
    wrap_ticks = 0u;
    if (cycles_advance()) {
        kind = COUNTER_DWT;
    } else if (systick_advances()) {
        kind = COUNTER_SYSTICK;
        const uint32_t without = measure_pending(0u);
        const uint32_t with = measure_pending(PEND_SYSTICK);
        wrap_ticks = with > without ? with - without : 0u;
    }
    empty_ticks = measure_empty();
}
