/* SOFTMAX of int16 by two tables of 513 values with straight lines between them, in TFLM's fixed point. */

#include "fixed_point.h"

typedef struct {
    int rows, depth;
} tk_softmax_int16_shape;

/* The table's value for any int16, 128 of which lie from one entry to the next. */
TK_INLINE int32_t tk_between(const TK_FLASH int16_t *table, int32_t value) {
    const int32_t i = 256 + (value >> 7);
    return table[i] + (((table[i + 1] - table[i]) * (value & 127) + 64) >> 7);
}

/* exponentials: exp of -10 to 0; reciprocals: 1 / (1 + x), x from 0 to 1; 15 fractional bits. */
TK_INLINE void tk_softmax_int16(const tk_softmax_int16_shape *s, const int16_t *input, int16_t *output,
                                const TK_FLASH int16_t *exponentials, const TK_FLASH int16_t *reciprocals,
                                int32_t multiplier, int32_t shift) {
    for (int row = 0; row < s->rows; row++) {
        int32_t largest = INT16_MIN;
        int32_t sum = 0;
        for (int i = 0; i < s->depth; i++) {
            largest = tk_maximum(largest, input[i]);
        }
        for (int i = 0; i < s->depth; i++) {
            const int32_t below = tk_scale(input[i] - largest, multiplier, (int)shift);
            output[i] = (int16_t)tk_between(exponentials, tk_maximum(below, -65535) + 32767);
            sum += output[i];
        }
        const int headroom = tk_leading_zeros((uint32_t)sum);
        const int32_t one_to_two = (int32_t)((((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14);
        const int32_t scale =
            tk_between(reciprocals, tk_clamp(one_to_two - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX));
        const int right = 31 - headroom;
        for (int i = 0; i < s->depth; i++) {
            const int64_t product = (int64_t)output[i] * scale + ((int64_t)1 << (right - 1));
            output[i] = (int16_t)tk_clamp((int32_t)(product >> right), 0, INT16_MAX);
        }
        input += s->depth;
        output += s->depth;
    }
}
