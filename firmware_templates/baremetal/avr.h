/* The AVR core (ATmega328P datasheet DS40002061, "AVR CPU Core" and "Power Management and Sleep Modes"). */
#ifndef AVR_H
#define AVR_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define REGISTER8(address) (*(volatile uint8_t *)(uintptr_t)(address))
#define REGISTER16(address) (*(volatile uint16_t *)(uintptr_t)(address))

#define SMCR REGISTER8(0x53u)
#define SLEEP_ENABLE_IDLE 1u

/* Nothing stops a stack that runs into the data: its last word is looked at instead. */
#define CORE_CHECKS_STACK 1

static inline void interrupts_off(void) {
    __asm__ volatile("cli" ::: "memory");
}
static inline void interrupts_on(void) {
    __asm__ volatile("sei" ::: "memory");
}

/* Nothing wakes a core whose interrupts are off; the instruction behind `sei` runs before any interrupt. */
static inline void wait_for_interrupt(void) {
    SMCR = SLEEP_ENABLE_IDLE;
    __asm__ volatile("sei\n sleep" ::: "memory");
}

/* Rounded down, so that whole words below it are free. */
static inline uint32_t stack_pointer(void) {
    return REGISTER16(0x5Du) & ~(uint32_t)3u;
}

#endif
