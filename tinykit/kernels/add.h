/* ADD with broadcast, portable. */

#include "common.h"

typedef struct {
    int sizes[6], first_strides[6], second_strides[6];
    int first_is_half, second_is_half;
    int down;
} tk_add_shape;

/* An operand with 20 more bits, times its scale; a multiplier of exactly one half is a shift. */
TK_INLINE int32_t tk_add_operand(int is_half, int32_t value, int32_t multiplier, int right) {
    if (is_half) {
        return value * ((int32_t)1 << 19);
    }
    return tk_scale_down(value * ((int32_t)1 << 20), multiplier, right);
}

/* sizes: of the output, outermost first; strides: of the operands, 0 where one is broadcast. */
TK_INLINE void tk_add(const tk_add_shape *s, const int8_t *first, const int8_t *second, int8_t *output,
                      int32_t first_zero_point, int32_t first_multiplier, int32_t first_shift,
                      int32_t second_zero_point, int32_t second_multiplier, int32_t second_shift, int32_t multiplier,
                      int32_t shift, int32_t output_zero_point, int32_t low, int32_t high) {
    const int *a = s->first_strides;
    const int *b = s->second_strides;
    for (int i = 0; i < s->sizes[0]; i++) {
        for (int j = 0; j < s->sizes[1]; j++) {
            for (int k = 0; k < s->sizes[2]; k++) {
                for (int l = 0; l < s->sizes[3]; l++) {
                    for (int m = 0; m < s->sizes[4]; m++) {
                        const int8_t *x = first + i * a[0] + j * a[1] + k * a[2] + l * a[3] + m * a[4];
                        const int8_t *y = second + i * b[0] + j * b[1] + k * b[2] + l * b[3] + m * b[4];
                        for (int n = 0; n < s->sizes[5]; n++) {
                            const int32_t sum = tk_add_operand(s->first_is_half, x[n * a[5]] - first_zero_point,
                                                               first_multiplier, (int)first_shift) +
                                                tk_add_operand(s->second_is_half, y[n * b[5]] - second_zero_point,
                                                               second_multiplier, (int)second_shift);
                            *output++ =
                                tk_requantize(s->down, sum, multiplier, (int)shift, output_zero_point, low, high);
                        }
                    }
                }
            }
        }
    }
}
