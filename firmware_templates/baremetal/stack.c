#include "stack.h"

#include "core.h"

#define PAINT 0xA5C35A3Cu

extern uint32_t link_stack_bottom[], link_stack_top[];

__attribute__((noinline)) void stack_paint(void) {
    const volatile uint32_t *end = (const volatile uint32_t *)(uintptr_t)stack_pointer();
    for (volatile uint32_t *word = link_stack_bottom; word < end; ++word) {
        *word = PAINT;
    }
}

uint32_t stack_used(uint32_t from) {
    uint32_t lowest = (uint32_t)(uintptr_t)link_stack_bottom;
    while (lowest < from && REGISTER(lowest) == PAINT) {
        lowest += 4u;
    }
#if CORE_CHECKS_STACK
    if (REGISTER(link_stack_bottom) != PAINT) {
        stack_overrun();
    }
#endif
    return from - lowest;
}

uint32_t stack_size(void) {
    return (uint32_t)((uintptr_t)link_stack_top - (uintptr_t)link_stack_bottom);
}
