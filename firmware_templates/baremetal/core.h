/* The core that this is compiled for: interrupts, waiting, the stack pointer. */
#ifndef CORE_H
#define CORE_H

#if defined(__riscv)
#include "riscv.h"
#elif defined(__AVR__)
#include "avr.h"
#else
#include "cortex_m.h"
#endif

#endif
