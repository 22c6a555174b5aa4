/* Cycles of the core, by the 16-bit timer 1 at the core's own clock (ATmega328P datasheet DS40002061, "16-bit
 * Timer/Counter1 with PWM"). */
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
    TIMSK1 = 0u;
    wraps = 0u;
    TIFR1 = OVERFLOW; /* written as one, it is cleared */
    TIMSK1 = OVERFLOW;
    TCNT1 = 0u;
}

/* Cycles since counter_start, gross. `interrupts` receives how many wraps interrupted them. */
static uint32_t elapsed(uint16_t *interrupts) {
    interrupts_off();
    const uint16_t now = TCNT1;
    const uint8_t has_wrapped = TIFR1 & OVERFLOW;
    *interrupts = wraps;
    interrupts_on();
    const uint32_t all = *interrupts + (has_wrapped != 0u && now < MODULUS / 2u ? 1ul : 0ul);
    return all * MODULUS + now;
}

uint64_t counter_stop(void) {
    uint16_t interrupts;
    const uint32_t gross = elapsed(&interrupts);
    const uint32_t overhead = empty_cycles + (uint32_t)interrupts * wrap_cycles;
    TIMSK1 = 0u;
    return gross > overhead ? gross - overhead : 0u;
}

/* Cycles of a few no-operations from when the timer stands at `from`; from its last few values it wraps in them. */
static uint16_t measure_from(uint16_t from) {
    uint16_t interrupts;
    counter_start();
    TCNT1 = from;
    __asm__ volatile("nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop");
    return (uint16_t)(elapsed(&interrupts) - from);
}

void counter_init(void) {
    uint16_t interrupts;
    TCCR1A = 0u;
    TCCR1B = RUN_AT_CORE_CLOCK;
    counter_start();
    empty_cycles = (uint16_t)elapsed(&interrupts);
    wrap_cycles = (uint16_t)(measure_from(0xFFFAu) - measure_from(0u));
    TIMSK1 = 0u;
}
