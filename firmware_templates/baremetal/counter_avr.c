/* Cycles of the core, by the 16-bit timer 1 at the core's own clock (ATmega328P datasheet DS40002061, section 15). */
#include "core.h"
#include "counter.h"

#define TCCR1A REGISTER8(0x80u)
#define TCCR1B REGISTER8(0x81u)
#define TCNT1 REGISTER16(0x84u)
#define TIFR1 REGISTER8(0x36u)
#define TIMSK1 REGISTER8(0x6Fu)
#define OVERFLOW 1u
#define RUN_AT_CORE_CLOCK 1u
#define MODULUS 0x10000u

static volatile uint16_t wraps;
static uint16_t empty_cycles; /* of a measurement of nothing */
static uint16_t wrap_cycles;  /* that the interrupt of one wrap takes */

void counter_interrupt(void) {
    wraps = (uint16_t)(wraps + 1u);
}

uint8_t counter_kind(void) {
    return COUNTER_AVR_TIMER;
}

void counter_start(void) {
    TCCR1B = 0u;
    TIFR1 = OVERFLOW;
    TIMSK1 = OVERFLOW;
    wraps = 0u;
    TCNT1 = 0u;
    TCCR1B = RUN_AT_CORE_CLOCK;
}

/* Stops the timer. `wrapped` receives the wraps among the cycles since counter_start. */
static uint32_t elapsed(uint16_t *wrapped) {
    TCCR1B = 0u;
    *wrapped = wraps;
    return (uint32_t)*wrapped * MODULUS + TCNT1;
}

uint64_t counter_stop(void) {
    uint16_t wrapped;
    const uint32_t gross = elapsed(&wrapped);
    const uint32_t overhead = empty_cycles + (uint32_t)wrapped * wrap_cycles;
    TIMSK1 = 0u;
    return gross > overhead ? gross - overhead : 0u;
}

/* Cycles of a few no-operations behind which the timer stood `before` its wrap. */
static uint16_t measure_from(uint16_t before) {
    uint16_t wrapped;
    counter_start();
    TCNT1 = before;
    __asm__ volatile("nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop");
    return (uint16_t)(elapsed(&wrapped) - before);
}

void counter_init(void) {
    uint16_t wrapped;
    TCCR1A = 0u;
    counter_start();
    empty_cycles = (uint16_t)elapsed(&wrapped);
    wrap_cycles = (uint16_t)(measure_from(0xFFFCu) - measure_from(0u));
    TIMSK1 = 0u;
}
