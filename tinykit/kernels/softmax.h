/* SOFTMAX of int8 by a table of exponentials, in TFLM's fixed point. */

#include "fixed_point.h"

typedef struct {
    int rows, depth, table_size;
} tk_softmax_shape;

/* exponentials[d] is exp of d steps below the row's maximum, 31 fractional bits; 0 from table_size on. */
TK_INLINE void tk_softmax(const tk_softmax_shape *s, const int8_t *input, int8_t *output,
                          const TK_FLASH int32_t *exponentials) {
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
