/* SOFTMAX of int8 by a table of exponentials, in TFLM's fixed point. */

#include "fixed_point.h"

typedef struct {
    int rows, depth, table_size;
} tk_softmax_shape;

/*
 * One over the sum of a row's exponentials, times 2^(12 - headroom), 31 fractional bits.
 * exponentials[d] is exp of d steps below the row's maximum, 31 fractional bits; 0 from table_size on.
 */
TK_INLINE int32_t tk_softmax_scale(const tk_softmax_shape *s, const int8_t *input,
                                   const TK_FLASH int32_t *exponentials, int32_t *largest, int *headroom) {
    int32_t most = INT8_MIN;
    uint32_t sum = 0;
    for (int i = 0; i < s->depth; i++) {
        most = tk_maximum(most, input[i]);
    }
    for (int i = 0; i < s->depth; i++) {
        const int32_t below = most - input[i];
        if (below < s->table_size) {
            sum += ((uint32_t)exponentials[below] + 2048u) >> 12;
        }
    }
    int free_bits = 0; /* sum has 12 integer bits; it is at least 1, since the maximum itself counts 1 */
    while (!(sum & 0x80000000u)) {
        sum <<= 1;
        free_bits++;
    }
    *largest = most;
    *headroom = free_bits;
    return tk_reciprocal((int32_t)(sum & 0x7FFFFFFFu));
}

TK_INLINE void tk_softmax(const tk_softmax_shape *s, const int8_t *input, int8_t *output,
                          const TK_FLASH int32_t *exponentials) {
    for (int row = 0; row < s->rows; row++) {
        int32_t largest;
        int headroom;
        const int32_t scale = tk_softmax_scale(s, input, exponentials, &largest, &headroom);
        const int right = 35 - headroom;
        /* TFLM stops where a row's exponentials sum to 512 or more; each quotient is below half a step there. */
        const int vanishes = s->depth >= 512 && right > 31;
        for (int i = 0; i < s->depth; i++) {
            const int32_t below = largest - input[i];
            int32_t value = INT8_MIN;
            if (below < s->table_size && !vanishes) {
                value += tk_rounding_shift(tk_fixed_multiply(scale, exponentials[below]), right);
            }
            output[i] = (int8_t)tk_minimum(value, INT8_MAX);
        }
        input += s->depth;
        output += s->depth;
    }
}

/* To int16, whose step is 1/65536. */
TK_INLINE void tk_softmax_to_int16(const tk_softmax_shape *s, const int8_t *input, int16_t *output,
                                   const TK_FLASH int32_t *exponentials) {
    for (int row = 0; row < s->rows; row++) {
        int32_t largest;
        int headroom;
        const int32_t scale = tk_softmax_scale(s, input, exponentials, &largest, &headroom);
        for (int i = 0; i < s->depth; i++) {
            const int32_t below = largest - input[i];
            int32_t value = INT16_MIN;
            if (below < s->table_size) {
                value += tk_rounding_shift(tk_fixed_multiply(scale, exponentials[below]), 27 - headroom);
            }
            output[i] = (int16_t)tk_minimum(value, INT16_MAX);
        }
        input += s->depth;
        output += s->depth;
    }
}
