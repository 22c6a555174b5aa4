/* LOGISTIC and TANH of int16, by one table of the logistic function at i / 24, 16 fractional bits. */

#include "common.h"

typedef struct {
    int count;
} tk_sigmoid_shape;

TK_INLINE int32_t tk_sigmoid_steps(int32_t value, int32_t multiplier, int right) {
    return (value * multiplier + (right > 0 ? (int32_t)1 << (right - 1) : 0)) >> right;
}

/* The table between its entries; `bits` is log2 of the steps from one to the next. 16 + bits fractional bits. */
TK_INLINE uint32_t tk_sigmoid_between(const TK_FLASH uint16_t *table, uint32_t steps, int bits) {
    const uint32_t i = steps >> bits;
    const uint32_t rest = steps & (((uint32_t)1 << bits) - 1u);
    return ((uint32_t)table[i] << bits) + rest * ((uint32_t)table[i + 1] - table[i]);
}

/* 1 / (1 + exp(-x)), 15 fractional bits; x in steps of 1 / 12288. */
TK_INLINE int16_t tk_logistic_of(int32_t x, const TK_FLASH uint16_t *table) {
    const uint32_t steps = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
    const uint32_t half = steps >> 9 >= 255u ? (uint32_t)0x7FFF << 10 : tk_sigmoid_between(table, steps, 9);
    const uint32_t whole = x >= 0 ? half + (1u << 9) : (1u << 25) - half + (1u << 9) - 1u;
    return (int16_t)(whole >> 10);
}

/* tanh(x) = 2 / (1 + exp(-2 x)) - 1, 15 fractional bits; x in steps of 1 / 12288. */
TK_INLINE int16_t tk_tanh_of(int32_t x, const TK_FLASH uint16_t *table) {
    const uint32_t steps = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
    const int32_t half = (int32_t)(steps >> 8 >= 255u ? (uint32_t)0xFFFF << 8 : tk_sigmoid_between(table, steps, 8));
    const int32_t whole = x >= 0 ? half - (1 << 23) + (1 << 7) : (1 << 23) - half + (1 << 7) - 1;
    return (int16_t)(whole >> 8);
}

TK_INLINE void tk_logistic_int16(const tk_sigmoid_shape *s, const int16_t *input, int16_t *output,
                                 const TK_FLASH uint16_t *table, int32_t multiplier, int32_t shift) {
    for (int i = 0; i < s->count; i++) {
        output[i] = tk_logistic_of(tk_sigmoid_steps(input[i], multiplier, (int)shift), table);
    }
}

TK_INLINE void tk_tanh_int16(const tk_sigmoid_shape *s, const int16_t *input, int16_t *output,
                             const TK_FLASH uint16_t *table, int32_t multiplier, int32_t shift) {
    for (int i = 0; i < s->count; i++) {
        output[i] = tk_tanh_of(tk_sigmoid_steps(input[i], multiplier, (int)shift), table);
    }
}
