/* SOFTMAX of int8 by a table of exponentials, in TFLM's fixed point. */

#include "common.h"

typedef struct {
    int rows, depth, table_size;
} tk_softmax_shape;

/* a * b / 2^31 of signed values, to nearest; never both -2^31. */
TK_INLINE int32_t tk_fixed_multiply(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value * 2^left, saturated. */
TK_INLINE int32_t tk_saturating_shift(int32_t value, int left) {
    const int32_t limit = INT32_MAX >> left;
    if (value > limit) {
        return INT32_MAX;
    }
    if (value < -limit) {
        return INT32_MIN;
    }
    return value * ((int32_t)1 << left);
}

/* 1 / (1 + x), x from 0 to 1 with 31 fractional bits: three Newton-Raphson steps from 48/17 - 32/17 d. */
TK_INLINE int32_t tk_reciprocal(int32_t x) {
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t estimate = 1515870810 + tk_fixed_multiply(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++) {
        const int32_t error = ((int32_t)1 << 29) - tk_fixed_multiply(half_denominator, estimate);
        estimate += tk_saturating_shift(tk_fixed_multiply(estimate, error), 2);
    }
    return tk_saturating_shift(estimate, 1);
}

/* exponentials[d] is exp of d steps below the row's maximum, 31 fractional bits; 0 from table_size on. */
TK_INLINE void tk_softmax(const tk_softmax_shape *s, const int8_t *input, int8_t *output,
                          const int32_t *exponentials) {
    for (int row = 0; row < s->rows; row++) {
        int32_t largest = INT8_MIN;
        uint32_t sum = 0;
        for (int i = 0; i < s->depth; i++) {
            largest = tk_maximum(largest, input[i]);
        }
        for (int i = 0; i < s->depth; i++) {
            const int32_t below = largest - input[i];
            if (below < s->table_size) {
                sum += ((uint32_t)exponentials[below] + 2048u) >> 12;
            }
        }
        int headroom = 0; /* sum has 12 integer bits; it is at least 1, since the maximum itself counts 1 */
        while (!(sum & 0x80000000u)) {
            sum <<= 1;
            headroom++;
        }
        const int right = 35 - headroom;
        /* TFLM stops where a row's exponentials sum to 512 or more; each quotient is below half a step there. */
        const int vanishes = s->depth >= 512 && right > 31;
        const int32_t scale = tk_reciprocal((int32_t)(sum & 0x7FFFFFFFu));
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
