/* How deep the stack goes: paint it, run, look how far the paint is gone. */
#ifndef STACK_H
#define STACK_H

#include <stdint.h>

/* Paints all of the stack below the caller. */
void stack_paint(void);

/* Bytes between `from` (a stack pointer) and the lowest word that lost its paint. */
uint32_t stack_used(uint32_t from);

/* Called where the paint is gone to the last word, on a core that does not notice by itself. */
void stack_overrun(void);

/* Bytes reserved for the stack. */
uint32_t stack_size(void);

#endif
