/* Copying within the arena, four bytes at a time: buffers start at multiples of four. */

#include "common.h"
#include <string.h>

#if defined(__GNUC__)
#define TK_WORDS(place) __builtin_assume_aligned(place, 4)
#else
#define TK_WORDS(place) (place)
#endif

/* In a loop over a pointer, keeps it a loop: a compiler would call memcpy, memmove or memset, 0.7 KB of flash. */
#if defined(__GNUC__)
#define TK_HERE(pointer) __asm__("" : "+r"(pointer))
#else
#define TK_HERE(pointer) (void)(pointer)
#endif

/* Copy `size` bytes, a multiple of 4, to a lower address; the ranges may overlap. Sixteen at a time with Helium. */
TK_INLINE void tk_move_down(unsigned char *to, const unsigned char *from, int size) {
#if defined(__ARM_FEATURE_MVE) && defined(__OPTIMIZE__) && !defined(__clang__)
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1: vldrb.u8 q0, [%1], #16\n"
                     "vstrb.8 q0, [%0], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : "+r"(to), "+r"(from)
                     : "r"(size)
                     : "lr", "d0", "d1", "memory");
#else
    const unsigned char *const end = from + size;
    TK_UNROLL(4)
    for (; from != end; from += 4, to += 4) {
        uint32_t word;
        memcpy(&word, TK_WORDS(from), 4);
        memcpy(TK_WORDS(to), &word, 4);
        TK_HERE(to);
    }
#endif
}

/* The same between ranges that do not overlap. */
TK_INLINE void tk_move_words(unsigned char *to, const unsigned char *from, int size) {
    tk_move_down(to, from, size);
}

/* The same to a higher address. */
TK_INLINE void tk_move_up(unsigned char *to, const unsigned char *from, int size) {
    const unsigned char *const end = from;
    TK_UNROLL(4)
    for (from += size, to += size; from != end;) {
        uint32_t word;
        from -= 4;
        to -= 4;
        memcpy(&word, TK_WORDS(from), 4);
        memcpy(TK_WORDS(to), &word, 4);
        TK_HERE(to);
    }
}

/* Set `size` bytes, a multiple of four, to `value`. */
TK_INLINE void tk_set_words(unsigned char *to, int value, int size) {
    const uint32_t word = 0x01010101u * (uint32_t)(uint8_t)value;
    unsigned char *const end = to + size;
    for (; to != end; to += 4) {
        memcpy(TK_WORDS(to), &word, 4);
        TK_HERE(to);
    }
}

typedef struct {
    int size;
} tk_move_shape;

/* Move a tensor of `size` bytes, a multiple of four, within the arena, in either direction. */
TK_INLINE void tk_move(const tk_move_shape *s, const void *input, void *output) {
    unsigned char *to = (unsigned char *)output;
    const unsigned char *from = (const unsigned char *)input;
    if (to < from) {
        tk_move_down(to, from, s->size);
    } else {
        tk_move_up(to, from, s->size);
    }
}
