/* Operators on rows along the last axis: L2_NORMALIZATION and LOG_SOFTMAX. Portable. */

#include "fixed_point.h"
#include "floats.h"

#include <math.h>

typedef struct {
    int rows, depth, table_size;
} tk_rows_shape;

/* 1 / sqrt(value) as multiplier / 2^31 / 2^right, by five Newton-Raphson steps with 28 fractional bits; 0 is as 1. */
TK_INLINE int32_t tk_inverse_square_root(int32_t value, int *right) {
    *right = 0;
    if (value <= 1) {
        return INT32_MAX;
    }
    *right = 11;
    while (value >= (int32_t)1 << 29) {
        value /= 4;
        *right += 1;
    }
    const int pairs = (tk_leading_zeros((uint32_t)value) - 1) / 2 - 1;
    *right -= pairs;
    value *= (int32_t)1 << (2 * pairs);
    const int32_t half = tk_rounding_shift(value >> 1, 1);
    int32_t x = (int32_t)1 << 28;
    for (int i = 0; i < 5; i++) {
        const int32_t cube = tk_saturating_shift(tk_fixed_multiply(tk_fixed_multiply(x, x), x), 6);
        x = tk_saturating_shift(tk_fixed_multiply(402653184, x) - tk_fixed_multiply(half, cube), 3);
    }
    x = tk_fixed_multiply(x, 1518500250);
    if (*right < 0) {
        x *= (int32_t)1 << -*right;
        *right = 0;
    }
    return x;
}

typedef struct {
    int count;
} tk_rsqrt_shape;

/* RSQRT of int16; of 0, and of what is below (where TFLM stops), the greatest value. */
TK_INLINE void tk_rsqrt_int16(const tk_rsqrt_shape *s, const int16_t *input, int16_t *output, int32_t multiplier,
                              int32_t right) {
    for (int i = 0; i < s->count; i++) {
        int32_t value = INT16_MAX;
        if (input[i] > 0) {
            int root_right = 0;
            const int32_t root = tk_inverse_square_root(input[i], &root_right);
            value = tk_scale(tk_scale(1, root, root_right - 20), multiplier, (int)right + 20);
        }
        output[i] = (int16_t)tk_minimum(value, INT16_MAX);
    }
}

/* Each row over its length; the output has scale 1/128. */
TK_INLINE void tk_l2_normalization(const tk_rows_shape *s, const int8_t *input, int8_t *output, int32_t zero_point) {
    for (int row = 0; row < s->rows; row++) {
        int32_t squares = 0;
        int right = 0;
        for (int i = 0; i < s->depth; i++) {
            const int32_t value = input[i] - zero_point;
            squares += value * value;
        }
        const int32_t multiplier = tk_inverse_square_root(squares, &right);
        for (int i = 0; i < s->depth; i++) {
            output[i] = (int8_t)tk_clamp(tk_scale(input[i] - zero_point, multiplier, right - 7), INT8_MIN, INT8_MAX);
        }
        input += s->depth;
        output += s->depth;
    }
}

TK_INLINE void tk_l2_normalization_float(const tk_rows_shape *s, const float *input, float *output) {
    const float least = 1e-6f;
    for (int row = 0; row < s->rows; row++) {
        float squares = 0.0f;
        for (int i = 0; i < s->depth; i++) {
            squares += tk_product(input[i], input[i]);
        }
        const float root = sqrtf(squares);
        const float length = root < least ? least : root;
        for (int i = 0; i < s->depth; i++) {
            output[i] = input[i] / length;
        }
        input += s->depth;
        output += s->depth;
    }
}

/*
 * The natural logarithm of a value from 1 on with 19 fractional bits, as one with 26. With z = r * 2^n, r near 1:
 * n * log 2 plus a rational function of r; r and n are the better of two choices, half a power apart.
 */
TK_INLINE int32_t tk_logarithm(int32_t value) {
    const int32_t root_of_half = 1518500250;
    const int32_t fourth_root_of_half = 1805811301;
    const int32_t quarter = 8388608; /* with 25 fractional bits, as the powers below */
    const int zeros_a = tk_leading_zeros((uint32_t)value);
    const int32_t near_a = tk_saturating_shift(value, zeros_a - 1);
    const int32_t rest_a = tk_saturating_shift(tk_fixed_multiply(near_a, root_of_half), 1);
    const int32_t power_a = tk_saturating_shift(12 - zeros_a, 25) + quarter;
    const int zeros_b = tk_leading_zeros((uint32_t)tk_fixed_multiply(value, root_of_half)) - 1;
    const int32_t rest_b = tk_saturating_shift(value, zeros_b);
    const int32_t power_b = tk_saturating_shift(12 - zeros_b, 25) - quarter;
    const int32_t r = tk_minimum(rest_a, rest_b);
    const int32_t power = tk_maximum(power_a, power_b);
    const int32_t p = (int32_t)(((int64_t)r + fourth_root_of_half + 1) / 2);
    const int32_t q = (r - fourth_root_of_half) * 2;
    const int32_t square = tk_fixed_multiply(q, q);
    const int32_t numerator = tk_fixed_multiply(q, r) + tk_fixed_multiply(tk_fixed_multiply(q, square), 117049297);
    const int32_t denominator =
        tk_fixed_multiply(p, 1057819769 + q + tk_fixed_multiply(127690142, square)) + tk_fixed_multiply(638450708, q);
    const int32_t quotient = tk_fixed_multiply(tk_rounding_shift(numerator, 6), tk_reciprocal(denominator));
    return tk_saturating_shift(tk_fixed_multiply(power, 1488522236) + quotient, 1);
}

/*
 * exponentials[d]: exp of d steps below the row's maximum with 19 fractional bits, 0 from table_size on. A step
 * times the multiplier has 26 fractional bits. smallest: the difference from which on results are the lowest value.
 */
TK_INLINE void tk_log_softmax(const tk_rows_shape *s, const int8_t *input, int8_t *output,
                              const int32_t *exponentials, int32_t multiplier, int32_t shift, int32_t divisor,
                              int32_t divisor_shift, int32_t smallest) {
    for (int row = 0; row < s->rows; row++) {
        int32_t largest = INT8_MIN;
        int32_t sum = 0;
        for (int i = 0; i < s->depth; i++) {
            largest = tk_maximum(largest, input[i]);
        }
        for (int i = 0; i < s->depth; i++) {
            const int32_t below = largest - input[i];
            sum += below < s->table_size ? exponentials[below] : 0;
        }
        const int32_t logarithm = tk_logarithm(sum);
        const int32_t limit = tk_maximum(smallest, tk_scale(logarithm + INT32_MIN, divisor, (int)divisor_shift));
        for (int i = 0; i < s->depth; i++) {
            const int32_t difference = input[i] - largest;
            int32_t value = INT8_MIN;
            if (difference > limit) {
                value = tk_rounding_shift(tk_scale(difference, multiplier, (int)shift) - logarithm, 22) + INT8_MAX;
            }
            output[i] = (int8_t)tk_clamp(value, INT8_MIN, INT8_MAX);
        }
        input += s->depth;
        output += s->depth;
    }
}

TK_INLINE void tk_log_softmax_float(const tk_rows_shape *s, const float *input, float *output) {
    for (int row = 0; row < s->rows; row++) {
        float largest = input[0];
        for (int i = 1; i < s->depth; i++) {
            largest = input[i] > largest ? input[i] : largest;
        }
        float sum = expf(input[0] - largest);
        for (int i = 1; i < s->depth; i++) {
            sum += expf(input[i] - largest);
        }
        const float logarithm = logf(sum);
        for (int i = 0; i < s->depth; i++) {
            output[i] = input[i] - largest - logarithm;
        }
        input += s->depth;
        output += s->depth;
    }
}

TK_INLINE void tk_softmax_float(const tk_rows_shape *s, const float *input, float *output, const float *beta) {
    for (int row = 0; row < s->rows; row++) {
        float largest = input[0];
        for (int i = 1; i < s->depth; i++) {
            largest = input[i] > largest ? input[i] : largest;
        }
        float sum = 0.0f;
        for (int i = 0; i < s->depth; i++) {
            output[i] = expf((input[i] - largest) * beta[0]);
            sum += output[i];
        }
        for (int i = 0; i < s->depth; i++) {
            output[i] = output[i] / sum;
        }
        input += s->depth;
        output += s->depth;
    }
}
