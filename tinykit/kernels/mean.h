/* MEAN over any axes, portable: three kept loops around three reduced ones. */

#include "common.h"

typedef struct {
    int kept[3], kept_strides[3];
    int reduced[3], reduced_strides[3];
} tk_mean_shape;

/* `start` is -input_zero_point * (values averaged); the multiplier has 1 / (values averaged) in it. */
TK_INLINE void tk_mean(const tk_mean_shape *s, const int8_t *input, int8_t *output, int32_t start, int32_t multiplier,
                       int32_t shift, int32_t output_zero_point) {
    for (int i = 0; i < s->kept[0]; i++) {
        for (int j = 0; j < s->kept[1]; j++) {
            for (int k = 0; k < s->kept[2]; k++) {
                const int8_t *from = input + i * s->kept_strides[0] + j * s->kept_strides[1] + k * s->kept_strides[2];
                int32_t sum = start;
                for (int l = 0; l < s->reduced[0]; l++) {
                    for (int m = 0; m < s->reduced[1]; m++) {
                        for (int n = 0; n < s->reduced[2]; n++) {
                            sum += from[l * s->reduced_strides[0] + m * s->reduced_strides[1] +
                                        n * s->reduced_strides[2]];
                        }
                    }
                }
                *output++ = tk_requantize(0, sum, multiplier, (int)shift, output_zero_point, INT8_MIN, INT8_MAX);
            }
        }
    }
}
