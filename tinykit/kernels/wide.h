/* Sums of int16 values times int8 weights. `wide`, a constant: whether they need 64 bits. */

#include "window.h"

/* The bias of a channel; a wide one is two words, the lower one first. */
TK_INLINE int64_t tk_wide_bias(int wide, const TK_FLASH int32_t *bias, int channel) {
    return wide ? (int64_t)bias[2 * channel + 1] * 4294967296 + (uint32_t)bias[2 * channel] : bias[channel];
}

/* sum + the dot product of values, which lie `step` apart, and weights */
TK_INLINE int64_t tk_wide_dot(int wide, const int16_t *values, int step, const TK_FLASH int8_t *weights, int length,
                              int64_t sum) {
    if (wide) {
        for (int i = 0; i < length; i++) {
            sum += (int32_t)values[i * step] * weights[i];
        }
        return sum;
    }
    int32_t narrow = (int32_t)sum;
    for (int i = 0; i < length; i++) {
        narrow += (int32_t)values[i * step] * weights[i];
    }
    return narrow;
}

/*
 * A sum as an int16 output. `has_short_multiplier`, a constant: the multiplier has 15 fractional bits and one
 * rounding follows, as TFLM does it for 64-bit sums; else 31, and two.
 */
TK_INLINE int16_t tk_wide_requantize(int has_short_multiplier, int64_t sum, int32_t multiplier, int right,
                                     int32_t low, int32_t high) {
    int32_t scaled;
    if (has_short_multiplier) {
        const int down = 15 + right;
        scaled = (int32_t)((sum * multiplier + ((int64_t)1 << (down - 1))) >> down);
    } else {
        scaled = tk_scale((int32_t)sum, multiplier, right);
    }
    return (int16_t)tk_clamp(scaled, low, high);
}
