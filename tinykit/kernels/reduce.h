/* Reductions over any axes of values that TFLM reduces one by one: three kept loops around three reduced ones. */

#include "common.h"

typedef struct {
    int kept[3], kept_strides[3];
    int reduced[3], reduced_strides[3];
    int is_maximum, is_minimum;
} tk_reduce_shape;

/* Three loops, outermost first; `at` holds their counters. */
#define TK_EACH_OF_THREE(sizes, at)                                                                                  \
    for (at[0] = 0; at[0] < (sizes)[0]; at[0]++)                                                                     \
        for (at[1] = 0; at[1] < (sizes)[1]; at[1]++)                                                                 \
            for (at[2] = 0; at[2] < (sizes)[2]; at[2]++)

TK_INLINE int tk_place_of_three(const int *strides, const int *at) {
    return at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2];
}

/* SUM and MEAN of 16-bit values; `start` is -input_zero_point * (values added). */
TK_INLINE void tk_sum_int16(const tk_reduce_shape *s, const int16_t *input, int16_t *output, int32_t start,
                            int32_t multiplier, int32_t shift, int32_t output_zero_point) {
    int kept[3], at[3], i = 0;
    TK_EACH_OF_THREE(s->kept, kept) {
        const int first = tk_place_of_three(s->kept_strides, kept);
        int32_t sum = start;
        TK_EACH_OF_THREE(s->reduced, at) {
            sum += input[first + tk_place_of_three(s->reduced_strides, at)];
        }
        output[i++] =
            (int16_t)tk_clamp(tk_scale(sum, multiplier, (int)shift) + output_zero_point, INT16_MIN, INT16_MAX);
    }
}

/* REDUCE_MAX and REDUCE_MIN. */
TK_INLINE void tk_reduce_extreme(const tk_reduce_shape *s, const int8_t *input, int8_t *output) {
    int kept[3], at[3], i = 0;
    TK_EACH_OF_THREE(s->kept, kept) {
        const int first = tk_place_of_three(s->kept_strides, kept);
        int32_t extreme = input[first];
        TK_EACH_OF_THREE(s->reduced, at) {
            const int32_t value = input[first + tk_place_of_three(s->reduced_strides, at)];
            extreme = s->is_maximum ? tk_maximum(extreme, value) : tk_minimum(extreme, value);
        }
        output[i++] = (int8_t)extreme;
    }
}

TK_INLINE void tk_reduce_extreme_int16(const tk_reduce_shape *s, const int16_t *input, int16_t *output) {
    int kept[3], at[3], i = 0;
    TK_EACH_OF_THREE(s->kept, kept) {
        const int first = tk_place_of_three(s->kept_strides, kept);
        int32_t extreme = input[first];
        TK_EACH_OF_THREE(s->reduced, at) {
            const int32_t value = input[first + tk_place_of_three(s->reduced_strides, at)];
            extreme = s->is_maximum ? tk_maximum(extreme, value) : tk_minimum(extreme, value);
        }
        output[i++] = (int16_t)extreme;
    }
}

/* SUM, MEAN, REDUCE_MAX and REDUCE_MIN, begun from start[0] and divided by start[1] at the end. */
TK_INLINE void tk_reduce_float(const tk_reduce_shape *s, const float *input, float *output, const float *start) {
    int kept[3], at[3], i = 0;
    TK_EACH_OF_THREE(s->kept, kept) {
        const int first = tk_place_of_three(s->kept_strides, kept);
        float result = start[0];
        TK_EACH_OF_THREE(s->reduced, at) {
            const float value = input[first + tk_place_of_three(s->reduced_strides, at)];
            if (s->is_maximum) {
                result = value > result ? value : result;
            } else if (s->is_minimum) {
                result = value < result ? value : result;
            } else {
                result = value + result;
            }
        }
        output[i++] = s->is_maximum || s->is_minimum ? result : result / start[1];
    }
}
