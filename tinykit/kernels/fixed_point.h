/* Reciprocals in TFLM's fixed point: 31 fractional bits unless said otherwise. */

#include "common.h"

/* Zero bits above the highest one; 32 for 0. */
TK_INLINE int tk_leading_zeros(uint32_t value) {
    int zeros = 0;
    if (value == 0) {
        return 32;
    }
    while (!(value & 0x80000000u)) {
        value <<= 1;
        zeros++;
    }
    return zeros;
}

/* a * b / 2^31 of signed values, to nearest; never both -2^31. */
TK_INLINE int32_t tk_fixed_multiply(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value * 2^left, saturated. */
TK_INLINE int32_t tk_saturating_shift(int32_t value, int left) {
    const int32_t limit = INT32_MAX >> left;
    if (value > limit) {
        return INT32_MAX;
    }
    if (value < -limit) {
        return INT32_MIN;
    }
    return value * ((int32_t)1 << left);
}

/* 1 / (1 + x), x from 0 to 1 with 31 fractional bits: three Newton-Raphson steps from 48/17 - 32/17 d. */
TK_INLINE int32_t tk_reciprocal(int32_t x) {
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t estimate = 1515870810 + tk_fixed_multiply(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++) {
        const int32_t error = ((int32_t)1 << 29) - tk_fixed_multiply(half_denominator, estimate);
        estimate += tk_saturating_shift(tk_fixed_multiply(estimate, error), 2);
    }
    return tk_saturating_shift(estimate, 1);
}
