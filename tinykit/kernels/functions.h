/* Float functions of one value, and straight lines of 16-bit values. */

#include "common.h"

#include <math.h>

enum {
    TK_ABS,
    TK_NEG,
    TK_SQRT,
    TK_RSQRT,
    TK_EXP,
    TK_LOG,
    TK_SQUARE,
    TK_SIN,
    TK_COS,
    TK_FLOOR,
    TK_CEIL,
    TK_ROUND,
    TK_RELU,
    TK_RELU6,
    TK_LEAKY_RELU,
    TK_ELU,
    TK_HARD_SWISH,
    TK_TANH,
    TK_LOGISTIC
};

/* To the nearest whole number, halves to the even one. */
TK_INLINE float tk_round(float x) {
    const float whole = floorf(x);
    const float rest = x - whole;
    if (rest < 0.5f || (rest <= 0.5f && 2.0f * floorf(0.5f * whole) >= whole)) {
        return whole;
    }
    return whole + 1.0f;
}

TK_INLINE float tk_logistic_float(float x) {
    if (x > 16.619047164916992188f) {
        return 1.0f;
    }
    return x < -9.0f ? expf(x) : 1.0f / (1.0f + expf(-x));
}

/* x * min(6, max(0, x + 3)) / 6 */
TK_INLINE float tk_hard_swish_float(float x) {
    const float raised = x + 3.0f > 0.0f ? x + 3.0f : 0.0f;
    return x * (raised < 6.0f ? raised : 6.0f) / 6.0f;
}

TK_INLINE float tk_function(int operation, float x, float alpha) {
    switch (operation) {
    case TK_ABS:
        return fabsf(x);
    case TK_NEG:
        return -x;
    case TK_SQRT:
        return sqrtf(x);
    case TK_RSQRT:
        return 1.0f / sqrtf(x);
    case TK_EXP:
        return expf(x);
    case TK_LOG:
        return logf(x);
    case TK_SQUARE:
        return x * x;
    case TK_SIN:
        return sinf(x);
    case TK_COS:
        return cosf(x);
    case TK_FLOOR:
        return floorf(x);
    case TK_CEIL:
        return ceilf(x);
    case TK_ROUND:
        return tk_round(x);
    case TK_RELU:
        return x < 0.0f ? 0.0f : x;
    case TK_RELU6:
        return x > 6.0f ? 6.0f : x < 0.0f ? 0.0f : x;
    case TK_LEAKY_RELU:
        return x > 0.0f ? x : x * alpha;
    case TK_ELU:
        return x < 0.0f ? expm1f(x) : x;
    case TK_HARD_SWISH:
        return tk_hard_swish_float(x);
    case TK_TANH:
        return tanhf(x);
    default:
        return tk_logistic_float(x);
    }
}

typedef struct {
    int count;
    int operation;
    int is_magnitude, is_negated;
} tk_function_shape;

/* alpha: the slope below 0 of LEAKY_RELU. */
TK_INLINE void tk_function_float(const tk_function_shape *s, const float *input, float *output, const float *alpha) {
    for (int i = 0; i < s->count; i++) {
        output[i] = tk_function(s->operation, input[i], *alpha);
    }
}

/*
 * One factor for values below the zero point (taken of the magnitude, or negated afterwards), another for the rest;
 * shifts are to the right.
 */
TK_INLINE void tk_slopes_int16(const tk_function_shape *s, const int16_t *input, int16_t *output,
                               int32_t input_zero_point, int32_t below_multiplier, int32_t below_shift,
                               int32_t above_multiplier, int32_t above_shift, int32_t output_zero_point, int32_t low,
                               int32_t high) {
    for (int i = 0; i < s->count; i++) {
        const int32_t value = input[i] - input_zero_point;
        int32_t scaled;
        if (value < 0) {
            scaled = tk_scale(s->is_magnitude ? -value : value, below_multiplier, (int)below_shift);
            scaled = s->is_negated ? -scaled : scaled;
        } else {
            scaled = tk_scale(value, above_multiplier, (int)above_shift);
        }
        output[i] = (int16_t)tk_clamp(scaled + output_zero_point, low, high);
    }
}
