/* CAST between types whose numbers are compile-time constants. */

#include "values.h"

typedef struct {
    int count;
    int from, to;
} tk_cast_shape;

/* Between integers the low bits stay. */
TK_INLINE void tk_cast(const tk_cast_shape *s, const void *input, void *output) {
    for (int i = 0; i < s->count; i++) {
        tk_store(s->to, output, i, tk_load(s->from, input, i));
    }
}

TK_INLINE void tk_cast_to_bool(const tk_cast_shape *s, const void *input, uint8_t *output) {
    for (int i = 0; i < s->count; i++) {
        output[i] = (uint8_t)(tk_load(s->from, input, i) != 0);
    }
}

/* NaN is true. */
TK_INLINE void tk_cast_float_to_bool(const tk_cast_shape *s, const float *input, uint8_t *output) {
    for (int i = 0; i < s->count; i++) {
        output[i] = (uint8_t) !(input[i] >= 0.0f && input[i] <= 0.0f);
    }
}

TK_INLINE void tk_cast_to_float(const tk_cast_shape *s, const void *input, float *output) {
    for (int i = 0; i < s->count; i++) {
        output[i] = (float)tk_load(s->from, input, i);
    }
}

TK_INLINE void tk_cast_to_int64(const tk_cast_shape *s, const void *input, int64_t *output) {
    for (int i = 0; i < s->count; i++) {
        output[i] = tk_load(s->from, input, i);
    }
}

TK_INLINE void tk_cast_from_int64(const tk_cast_shape *s, const int64_t *input, void *output) {
    for (int i = 0; i < s->count; i++) {
        tk_store(s->to, output, i, (int32_t)input[i]);
    }
}

/* Towards zero, within low and high; NaN becomes 0. */
TK_INLINE void tk_cast_from_float(const tk_cast_shape *s, const float *input, void *output, int32_t low,
                                  int32_t high) {
    for (int i = 0; i < s->count; i++) {
        int32_t value = 0;
        if (input[i] >= 2147483648.0f) {
            value = high;
        } else if (input[i] >= -2147483648.0f) {
            value = tk_clamp((int32_t)input[i], low, high);
        } else if (input[i] < 0.0f) {
            value = low;
        }
        tk_store(s->to, output, i, value);
    }
}
