"""A tiny model in hand-written C, in the shape that the generator gives: the firmware's tests need no compiler of
models, and it misbehaves on request.

Input and output are 8 bytes; the output is the input plus one, byte by byte. The input's first byte asks for more:
0x71 an undefined instruction, 0x72 endless recursion, 0x73 a read where nothing is, 0x74 a deep stack, 0x75 a return
of 1, 0x76 as many rounds of a loop of two instructions as the last four bytes say, 0x77 the MPS2's watchdog and then
nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.firmware.program import Program
from tinykit.plan.model import Cost

SHA256 = "00112233445566778899aabbccddeeff" * 2
DEEP = 600

_HEADER = """
#ifndef HAND_H
#define HAND_H
#include <stdint.h>
#define HAND_STEPS 2
int hand_init(void);
int hand_invoke(void);
int8_t *hand_input(void);
const int8_t *hand_output(void);
void hand_step(unsigned step);
unsigned char *hand_arena_bytes(void);
#endif
"""

_SOURCE = """
#include "hand.h"
#include <string.h>

static int8_t hand_arena[64];
static int8_t hand_history[16];
static int8_t hand_started = 3;
static const int8_t hand_weights[24] = {1, 1, 1, 1, 1, 1, 1, 1, 2};

int hand_init(void) { hand_started = 4; return START; }
int8_t *hand_input(void) { return hand_arena; }
const int8_t *hand_output(void) { return hand_arena + 8; }

__attribute__((noinline)) static unsigned recurse(unsigned n) {
    volatile unsigned here[16];
    here[n % 16u] = n;
    if (n == 0xFFFFFFFFu) { return 0u; }
    return recurse(n + 1u) + here[n % 16u];
}

__attribute__((noinline)) static int deep(int seed) {
    volatile uint8_t here[DEEP];
    for (int i = 0; i < DEEP; ++i) { here[i] = (uint8_t)(seed + i); }
    return here[seed & 15];
}

__attribute__((noinline)) static void loop(unsigned rounds) {
    __asm__ volatile(".syntax unified; 1: subs %0, %0, #1; bne 1b" : "+l"(rounds) : : "cc");
}

__attribute__((noipa)) static void add_weights(const int8_t *from, int8_t *to, const int8_t *weights) {
    for (int i = 0; i < 8; ++i) { to[i] = (int8_t)(from[i] + weights[i]); }
}

__attribute__((noipa)) static void keep(const int8_t *from, unsigned count) { memcpy(hand_history, from, count); }

/* The APB watchdog of the Cortex-M System Design Kit (Arm DDI 0479, section 4.6): unlock, load, interrupt on. */
__attribute__((noinline)) static void starve_watchdog(void) {
    volatile uint32_t *const watchdog = (volatile uint32_t *)(uintptr_t)0x40008000u;
    watchdog[0xC00 / 4] = 0x1ACCE551u;
    watchdog[0] = 1000u;
    watchdog[2] = 1u;
    for (;;) { __asm__ volatile(""); }
}

int hand_invoke(void) {
    const int wish = hand_arena[0];
    if (wish == 0x71) { __asm__ volatile("udf #0"); }
    if (wish == 0x72) { hand_history[0] = (int8_t)recurse(0u); }
    if (wish == 0x73) { hand_history[0] = *(volatile int8_t *)(uintptr_t)0x6F000000u; }
    if (wish == 0x74) { hand_history[0] = (int8_t)deep(wish); }
    if (wish == 0x75) { return 1; }
    if (wish == 0x77) { starve_watchdog(); }
    if (wish == 0x76) {
        unsigned rounds;
        memcpy(&rounds, hand_arena + 4, sizeof rounds);
        loop(rounds);
    }
    add_weights(hand_arena, hand_arena + 8, hand_weights);
    keep(hand_arena + 8, (unsigned)(hand_started * 2));
    hand_arena[0] = 0;
    return 0;
}

void hand_step(unsigned step) {
    if (step == 0u) { hand_arena[16] = 42; } else { hand_arena[17] = 43; }
}

unsigned char *hand_arena_bytes(void) { return (unsigned char *)hand_arena; }
"""


@dataclass(frozen=True)
class Port:
    """One input or output."""

    name: str
    ctype: str
    bytes: int
    pointer: str


@dataclass(frozen=True)
class Interface:
    """What codegen.emit.interface gives."""

    name: str = "hand"
    sha256: str = SHA256
    arena_bytes: int = 64
    steps: int = 2
    inputs: tuple[Port, ...] = (Port("input", "int8_t", 8, "hand_input()"),)
    outputs: tuple[Port, ...] = (Port("output", "int8_t", 8, "hand_output()"),)
    has_state: bool = False
    features: None = None


COST = Cost(instructions=100, macs=8, weights=24, code=400, arena=64, static=20, stack=64, steps=2)


def hand_program(cost: Cost = COST, start: int = 0) -> Program:
    """The program of the hand-made model, whose initialisation returns `start`."""
    return Program(
        Interface(),
        {"hand.h": _HEADER, "hand.c": _SOURCE.replace("DEEP", str(DEEP)).replace("START", str(start))},
        cost,
    )
