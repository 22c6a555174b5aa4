/* The DSP instructions of ARMv7E-M and ARMv8-M as functions, each with a portable form of the same bits. */

#include "common.h"
#include <string.h>

/* Without optimization constants do not reach the instructions' immediate fields: the portable forms serve. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__OPTIMIZE__) && !defined(__clang__)
#define TK_DSP 1
#else
#define TK_DSP 0
#endif

/* SSAT is older than the others. */
#if defined(__ARM_FEATURE_SAT) && defined(__thumb2__) && defined(__OPTIMIZE__) && !defined(__clang__)
#define TK_SSAT 1
#else
#define TK_SSAT 0
#endif

/* -ffreestanding takes memcpy's meaning from the compiler: name the builtin, so that it stays one instruction. */
#if defined(__GNUC__)
#define TK_COPY __builtin_memcpy
#else
#define TK_COPY memcpy
#endif

/* Four bytes at any address as one word, the lowest address in the low byte. */
TK_INLINE uint32_t tk_load_word(const int8_t *from) {
    uint32_t word;
    TK_COPY(&word, from, 4);
    return word;
}

TK_INLINE void tk_store_word(int8_t *to, uint32_t word) {
    TK_COPY(to, &word, 4);
}

/* Copy `length` bytes, four at a time. */
TK_INLINE void tk_copy_run(int8_t *to, const int8_t *from, int length) {
    const int8_t *fours_end = from + (length & ~3), *end = from + length;
    TK_UNROLL(4)
    for (; from != fours_end; from += 4, to += 4) {
        tk_store_word(to, tk_load_word(from));
    }
    while (from != end) {
        *to++ = *from++;
    }
}

/* Set `length` bytes. */
TK_INLINE void tk_fill_run(int8_t *to, int32_t value, int length) {
    const uint32_t word = 0x01010101u * (uint32_t)(uint8_t)value;
    const int8_t *fours_end = to + (length & ~3), *end = to + length;
    TK_UNROLL(4)
    for (; to != fours_end; to += 4) {
        tk_store_word(to, word);
    }
    while (to != end) {
        *to++ = (int8_t)value;
    }
}

TK_INLINE int32_t tk_low_half(uint32_t x) {
    return (int16_t)(uint16_t)(x & 0xFFFFu);
}

TK_INLINE int32_t tk_high_half(uint32_t x) {
    return (int16_t)(uint16_t)(x >> 16);
}

/* Two int16 in a word. */
TK_INLINE uint32_t tk_halves(int32_t low, int32_t high) {
#if TK_DSP
    uint32_t y;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(y) : "r"(low), "r"(high));
    return y;
#else
    return ((uint32_t)low & 0xFFFFu) | ((uint32_t)high << 16);
#endif
}

/* Sums wrap around, as the instructions accumulate. */
TK_INLINE int32_t tk_wrapped_sum(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

TK_INLINE int32_t tk_wrapped_difference(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* Bytes 0 and 2 sign-extended into the halves of a word. */
TK_INLINE uint32_t tk_even_bytes(uint32_t x) {
#if TK_DSP
    uint32_t y;
    __asm__("sxtb16 %0, %1" : "=r"(y) : "r"(x));
    return y;
#else
    return tk_halves((int8_t)(uint8_t)(x & 0xFFu), (int8_t)(uint8_t)((x >> 16) & 0xFFu));
#endif
}

/* Bytes 1 and 3 sign-extended into the halves of a word. */
TK_INLINE uint32_t tk_odd_bytes(uint32_t x) {
#if TK_DSP
    uint32_t y;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x));
    return y;
#else
    return tk_even_bytes(x >> 8);
#endif
}

/* sum + low * low + high * high. */
TK_INLINE int32_t tk_add_dot(uint32_t x, uint32_t y, int32_t sum) {
#if TK_DSP
    int32_t z;
    __asm__("smlad %0, %1, %2, %3" : "=r"(z) : "r"(x), "r"(y), "r"(sum));
    return z;
#else
    return tk_wrapped_sum(sum, tk_wrapped_sum(tk_low_half(x) * tk_low_half(y), tk_high_half(x) * tk_high_half(y)));
#endif
}

/* sum + low * low. */
TK_INLINE int32_t tk_add_low_halves(uint32_t x, uint32_t y, int32_t sum) {
#if TK_DSP
    int32_t z;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(z) : "r"(x), "r"(y), "r"(sum));
    return z;
#else
    return tk_wrapped_sum(sum, tk_low_half(x) * tk_low_half(y));
#endif
}

/* sum + high * high. */
TK_INLINE int32_t tk_add_high_halves(uint32_t x, uint32_t y, int32_t sum) {
#if TK_DSP
    int32_t z;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(z) : "r"(x), "r"(y), "r"(sum));
    return z;
#else
    return tk_wrapped_sum(sum, tk_high_half(x) * tk_high_half(y));
#endif
}

/* offset + the upper word of a * b. */
TK_INLINE int32_t tk_add_high_product(int32_t a, int32_t b, int32_t offset) {
#if TK_DSP
    int32_t z;
    __asm__("smmla %0, %1, %2, %3" : "=r"(z) : "r"(a), "r"(b), "r"(offset));
    return z;
#else
    return tk_wrapped_sum((int32_t)(((int64_t)a * b) >> 32), offset);
#endif
}

/* Shift right by a constant of 1 to 31, then saturate to int8. */
TK_INLINE int8_t tk_saturate(int32_t value, int right) {
#if TK_SSAT
    int32_t q;
    __asm__("ssat %0, #8, %1, asr %2" : "=r"(q) : "r"(value), "i"(right));
    return (int8_t)q;
#else
    return (int8_t)tk_clamp(value >> right, -128, 127);
#endif
}

/* The proven requantization of kernels/requantization.py; `shift` and `two_sided` are constants. */
TK_INLINE int8_t tk_requantize_dsp(int shift, int two_sided, int32_t sum, int32_t multiplier, int32_t jump,
                                   int32_t offset) {
    if (two_sided) {
        sum = tk_wrapped_sum(sum, jump & (sum >> 31));
    }
    return tk_saturate(tk_add_high_product(sum, multiplier, offset), shift);
}
