/* Types, rounding and saturation that every kernel shares. */

#include <stdint.h>

#if defined(__GNUC__)
#define TK_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define TK_NOINLINE static __attribute__((noinline))
#else
/* GCC 12 at -O2 clones a kernel for its places in the arena, may then find all its stores dead, and drop the call. */
#define TK_NOINLINE static __attribute__((noinline, noclone))
#endif
#define TK_ALIGNED(bytes) __attribute__((aligned(bytes)))
#else
#define TK_INLINE static inline
#define TK_NOINLINE static
#define TK_ALIGNED(bytes)
#endif

/* A function that kernels share; where none calls it, it is not there. */
#if defined(__GNUC__)
#define TK_SHARED TK_NOINLINE __attribute__((unused))
#else
#define TK_SHARED TK_NOINLINE
#endif

/* Constants. On AVR they stay in flash in an address space of their own; elsewhere one space holds all. */
#if defined(__AVR__) && defined(__FLASH)
#define TK_FLASH __flash
#else
#define TK_FLASH
#endif

#if defined(__GNUC__) && __GNUC__ >= 8 && !defined(__clang__)
#define TK_UNROLL(times) _Pragma(TK_TEXT(GCC unroll times))
#define TK_TEXT(words) #words
#else
#define TK_UNROLL(times)
#endif

TK_INLINE int32_t tk_minimum(int32_t a, int32_t b) {
    return a < b ? a : b;
}

TK_INLINE int32_t tk_maximum(int32_t a, int32_t b) {
    return a > b ? a : b;
}

TK_INLINE int32_t tk_clamp(int32_t value, int32_t low, int32_t high) {
    return tk_minimum(tk_maximum(value, low), high);
}

/* a * b / 2^31, to nearest, halves up; b is at least 0, so that the one overflow cannot occur. */
TK_INLINE int32_t tk_high_multiply(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^right, to nearest, halves away from zero; right is 0 to 31. */
TK_INLINE int32_t tk_rounding_shift(int32_t value, int right) {
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
    return (value >> right) + ((value & mask) > (mask >> 1) + (value < 0));
}

/* value * multiplier / 2^31 / 2^right, rounded twice as TFLM does; right is -31 to 31. */
TK_INLINE int32_t tk_scale(int32_t value, int32_t multiplier, int right) {
    if (right < 0) {
        return tk_high_multiply((int32_t)((uint32_t)value << -right), multiplier);
    }
    return tk_rounding_shift(tk_high_multiply(value, multiplier), right);
}

/* The same in fewer steps where right is at least 1 and |value| is less than 2^30 (no sum overflows). */
TK_INLINE int32_t tk_scale_down(int32_t value, int32_t multiplier, int right) {
    const int32_t high = tk_high_multiply(value, multiplier);
    return (high + ((int32_t)1 << (right - 1)) - (high < 0)) >> right;
}

/* An accumulator as an int8 output. `down` is a constant: whether every `right` allows tk_scale_down. */
TK_INLINE int8_t tk_requantize(int down, int32_t value, int32_t multiplier, int right, int32_t zero_point,
                               int32_t low, int32_t high) {
    const int32_t scaled = down ? tk_scale_down(value, multiplier, right) : tk_scale(value, multiplier, right);
    return (int8_t)tk_clamp(scaled + zero_point, low, high);
}

/* Up to four sums that are built together, in registers. */
typedef struct {
    int32_t a, b, c, d;
} tk_sums;

/* Add the products of one value with its weights in `count` rows, which lie `stride` apart. */
TK_INLINE tk_sums tk_add_products(int count, tk_sums sums, int value, const TK_FLASH int8_t *weight, int stride) {
    sums.a += value * weight[0];
    if (count > 1) {
        sums.b += value * weight[stride];
    }
    if (count > 2) {
        sums.c += value * weight[2 * stride];
    }
    if (count > 3) {
        sums.d += value * weight[3 * stride];
    }
    return sums;
}

/*
 * Add to each of `count` sums (a constant, 1 to 4) the dot product of `values` with a row of weights; rows lie
 * `stride` apart. Each value is loaded once for all rows.
 */
TK_INLINE void tk_dot(int count, const int8_t *values, const TK_FLASH int8_t *weights, int stride, int length,
                      int32_t *sums) {
    const int8_t *const fours_end = values + (length & ~3);
    const int8_t *const end = values + length;
    tk_sums all = {sums[0], count > 1 ? sums[1] : 0, count > 2 ? sums[2] : 0, count > 3 ? sums[3] : 0};
    for (; values != fours_end; values += 4, weights += 4) {
        all = tk_add_products(count, all, values[0], weights, stride);
        all = tk_add_products(count, all, values[1], weights + 1, stride);
        all = tk_add_products(count, all, values[2], weights + 2, stride);
        all = tk_add_products(count, all, values[3], weights + 3, stride);
    }
    for (; values != end; values++, weights++) {
        all = tk_add_products(count, all, values[0], weights, stride);
    }
    sums[0] = all.a;
    if (count > 1) {
        sums[1] = all.b;
    }
    if (count > 2) {
        sums[2] = all.c;
    }
    if (count > 3) {
        sums[3] = all.d;
    }
}

/* The sum of a run of int8 values. */
TK_INLINE int32_t tk_sum(const int8_t *values, int length) {
    int32_t sum = 0;
    for (int i = 0; i < length; i++) {
        sum += values[i];
    }
    return sum;
}

/* The same of weights. */
TK_INLINE int32_t tk_sum_weights(const TK_FLASH int8_t *weights, int length) {
    int32_t sum = 0;
    for (int i = 0; i < length; i++) {
        sum += weights[i];
    }
    return sum;
}
