/* FULLY_CONNECTED with one scale for all weights, portable. */

#include "common.h"

typedef struct {
    int batches, inputs, outputs;
    int has_weights_zero_point;
    int block;
    int down;
} tk_fully_connected_shape;

/*
 * weights: outputs x inputs. bias holds -input_zero_point * sum(weights - weights_zero_point) already; a
 * weights zero point other than 0 costs the sum of the inputs.
 */
TK_INLINE void tk_fully_connected(const tk_fully_connected_shape *s, const int8_t *input, int8_t *output,
                                  const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                                  int32_t weights_zero_point, int32_t multiplier, int32_t shift,
                                  int32_t output_zero_point, int32_t low, int32_t high) {
    for (int batch = 0; batch < s->batches; batch++) {
        const int32_t correction = s->has_weights_zero_point ? weights_zero_point * tk_sum(input, s->inputs) : 0;
        const int blocks_end = s->outputs - s->outputs % s->block;
        int i = 0;
        for (; i < blocks_end; i += s->block) {
            int32_t sums[4];
            for (int k = 0; k < s->block; k++) {
                sums[k] = bias[i + k] - correction;
            }
            tk_dot(s->block, input, weights + i * s->inputs, s->inputs, s->inputs, sums);
            for (int k = 0; k < s->block; k++) {
                *output++ = tk_requantize(s->down, sums[k], multiplier, (int)shift, output_zero_point, low, high);
            }
        }
        for (; s->outputs % s->block != 0 && i < s->outputs; i++) {
            int32_t sum = bias[i] - correction;
            tk_dot(1, input, weights + i * s->inputs, 0, s->inputs, &sum);
            *output++ = tk_requantize(s->down, sum, multiplier, (int)shift, output_zero_point, low, high);
        }
        input += s->inputs;
    }
}
