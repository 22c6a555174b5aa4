/* Sums of few weights, portable: dense layers and windows of one pixel whose zeros are neither stored nor multiplied.
 */

#include "common.h"

typedef struct {
    int outputs;
    int per_channel;
    int down;
} tk_sparse_rows_shape;

/*
 * weights: of each output the number of its entries in two bytes, the low one first, and entries of two bytes: how
 * many inputs (0 to 255) to go on, and the weight of the input there. From one pixel to the next there are `step`
 * bytes, and `skip` more at the end of each `width` pixels. One multiplier and shift serve all outputs unless
 * `per_channel`.
 */
TK_INLINE void tk_sparse_rows(const tk_sparse_rows_shape *s, const int8_t *input, int8_t *output,
                              const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                              const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                              int32_t output_zero_point, int32_t low, int32_t high, int32_t pixels, int32_t width,
                              int32_t step, int32_t skip) {
    int32_t left = width;
    for (; pixels > 0; pixels--) {
        const TK_FLASH int8_t *w = weights;
        for (int i = 0; i < s->outputs; i++) {
            const int8_t *x = input;
            const TK_FLASH int8_t *end = w + 2 + 2 * ((uint8_t)w[0] + 256 * (uint8_t)w[1]);
            int32_t sum = bias[i];
            w += 2;
            TK_UNROLL(4)
            for (; w != end; w += 2) {
                x += (uint8_t)w[0];
                sum += *x * w[1];
            }
            const int channel = s->per_channel ? i : 0;
            *output++ =
                tk_requantize(s->down, sum, multipliers[channel], shifts[channel], output_zero_point, low, high);
        }
        input += step;
        if (--left == 0) {
            left = width;
            input += skip;
        }
    }
}
