/* PRELU with broadcast slopes, portable. */

#include "broadcast.h"

typedef struct {
    int sizes[6], first_strides[6], second_strides[6];
    int type;
} tk_prelu_shape;

/* second: the slopes; shifts are to the right. */
TK_INLINE void tk_prelu(const tk_prelu_shape *s, const void *first, const int8_t *second, void *output,
                        int32_t input_zero_point, int32_t slope_zero_point, int32_t above_multiplier,
                        int32_t above_shift, int32_t below_multiplier, int32_t below_shift, int32_t output_zero_point,
                        int32_t low, int32_t high) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t value = tk_load(s->type, first, tk_place(s->first_strides, at)) - input_zero_point;
        const int32_t slope = second[tk_place(s->second_strides, at)] - slope_zero_point;
        const int32_t scaled = value >= 0 ? tk_scale(value, above_multiplier, (int)above_shift)
                                          : tk_scale(value * slope, below_multiplier, (int)below_shift);
        tk_store(s->type, output, i++, tk_clamp(scaled + output_zero_point, low, high));
    }
}

TK_INLINE void tk_prelu_float(const tk_prelu_shape *s, const float *first, const float *second, float *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const float value = first[tk_place(s->first_strides, at)];
        output[i++] = value >= 0.0f ? value : value * second[tk_place(s->second_strides, at)];
    }
}
