/* FULLY_CONNECTED of one row for Thumb-2 cores without the DSP extension: eight outputs at a time. */

#include "dsp.h"

/* Add to eight sums the products of `count` (at least one) values with their weights, eight a value. Returns where
 * the weights end. A function of its own, so that its registers are always to be had. */
TK_SHARED const int8_t *tk_dot_eight(const int8_t *w, const int8_t *x, int count, int32_t *sums) {
#if defined(__ARM_ARCH_7M__) && defined(__OPTIMIZE__) && !defined(__clang__)
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5], g = sums[6], h = sums[7];
    const int8_t *volatile end = x + count;
    int32_t value = (-count & 7) * 68, weight; /* the steps left out first, 17 instructions of 4 bytes */
    __asm__(".p2align 2\n\t"
            "add pc, %[value]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept 8\n\t"
            "ldrsb.w %[value], [%[x]], #1\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[a], %[weight], %[value], %[a]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[b], %[weight], %[value], %[b]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[c], %[weight], %[value], %[c]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[d], %[weight], %[value], %[d]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[e], %[weight], %[value], %[e]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[f], %[weight], %[value], %[f]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[g], %[weight], %[value], %[g]\n\t"
            "ldrsb.w %[weight], [%[w]], #1\n\t"
            "mla %[h], %[weight], %[value], %[h]\n\t"
            ".endr\n\t"
            "ldr %[value], %[end]\n\t"
            "cmp %[x], %[value]\n\t"
            "bne 1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [e] "+r"(e), [f] "+r"(f), [g] "+r"(g), [h] "+r"(h),
              [w] "+r"(w), [x] "+r"(x), [value] "+r"(value), [weight] "=&r"(weight)
            : [end] "m"(end)
            : "cc", "memory");
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    sums[4] = e;
    sums[5] = f;
    sums[6] = g;
    sums[7] = h;
#else
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < 8; i++) {
            sums[i] += *w++ * x[k];
        }
    }
#endif
    return w;
}

typedef struct {
    int shift, two_sided;
} tk_fully_connected_thumb2_shape;

/* weights: groups of eight outputs, eight weights an input; biases: 256 * bias and the fraction, as many as outputs.
 */
TK_INLINE void tk_fully_connected_thumb2(const tk_fully_connected_thumb2_shape *s, const int8_t *input,
                                         int8_t *output, const int8_t *weights, const int32_t *biases, int32_t offset,
                                         int32_t multiplier, int32_t jump, int32_t inputs, int32_t outputs) {
    for (int32_t left = outputs; left > 0; left -= 8) {
        int32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        weights = tk_dot_eight(weights, input, (int)inputs, sums);
        for (int i = 0; i < 8 && i < left; i++) {
            const int32_t sum = tk_wrapped_sum(*biases++, (int32_t)((uint32_t)sums[i] << 8));
            *output++ = tk_requantize_dsp(s->shift, s->two_sided, sum, multiplier, jump, offset);
        }
    }
}
