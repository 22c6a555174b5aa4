/* Operators along one axis: ARG_MAX, ARG_MIN and CUMSUM. Portable. */

#include "common.h"

/* outer x depth x inner values, the axis in the middle. */
typedef struct {
    int outer, depth, inner;
    int is_maximum, is_wide;
    int is_exclusive, is_reverse;
} tk_along_shape;

/* The first of equal values counts. Wide results are int64, low half first as on every target. */
TK_INLINE void tk_arg_extreme(const tk_along_shape *s, const int8_t *input, int32_t *output) {
    for (int i = 0; i < s->outer; i++) {
        for (int j = 0; j < s->inner; j++) {
            const int8_t *from = input + i * s->depth * s->inner + j;
            int32_t best = 0;
            for (int k = 1; k < s->depth; k++) {
                const int32_t value = from[k * s->inner];
                const int32_t extreme = from[best * s->inner];
                if (s->is_maximum ? value > extreme : value < extreme) {
                    best = k;
                }
            }
            *output++ = best;
            if (s->is_wide) {
                *output++ = 0;
            }
        }
    }
}

TK_INLINE void tk_arg_extreme_float(const tk_along_shape *s, const float *input, int32_t *output) {
    for (int i = 0; i < s->outer; i++) {
        for (int j = 0; j < s->inner; j++) {
            const float *from = input + i * s->depth * s->inner + j;
            int32_t best = 0;
            for (int k = 1; k < s->depth; k++) {
                const float value = from[k * s->inner];
                const float extreme = from[best * s->inner];
                if (s->is_maximum ? value > extreme : value < extreme) {
                    best = k;
                }
            }
            *output++ = best;
            if (s->is_wide) {
                *output++ = 0;
            }
        }
    }
}

/*
 * Sums start at -zero_point, as TFLM's do, and have 19 more bits, of which 32 are kept; the output may lie where the
 * input does.
 */
TK_INLINE void tk_cumsum(const tk_along_shape *s, const int8_t *input, int8_t *output, int32_t input_zero_point,
                         int32_t multiplier, int32_t shift, int32_t output_zero_point) {
    for (int i = 0; i < s->outer; i++) {
        for (int j = 0; j < s->inner; j++) {
            uint32_t sum = (uint32_t)(-input_zero_point) << 19;
            for (int k = 0; k < s->depth; k++) {
                const int row = i * s->depth + (s->is_reverse ? s->depth - 1 - k : k);
                const int place = row * s->inner + j;
                const uint32_t before = sum;
                sum += (uint32_t)(input[place] - input_zero_point) << 19;
                const int32_t scaled =
                    tk_scale((int32_t)(s->is_exclusive ? before : sum), multiplier, (int)shift) + output_zero_point;
                output[place] = (int8_t)tk_clamp(scaled, INT8_MIN, INT8_MAX);
            }
        }
    }
}

TK_INLINE void tk_cumsum_float(const tk_along_shape *s, const float *input, float *output) {
    for (int i = 0; i < s->outer; i++) {
        for (int j = 0; j < s->inner; j++) {
            float sum = 0.0f;
            for (int k = 0; k < s->depth; k++) {
                const int row = i * s->depth + (s->is_reverse ? s->depth - 1 - k : k);
                const int place = row * s->inner + j;
                const float before = sum;
                sum += input[place];
                output[place] = s->is_exclusive ? before : sum;
            }
        }
    }
}
