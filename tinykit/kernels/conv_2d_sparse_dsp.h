/* Convolutions with windows of one pixel and few weights, for cores with the DSP extension: two pixels share each
 * weight, and zeros are neither stored nor multiplied.
 *
 * An output channel's stream:
 *
 *     control, units of {four steps, weights of entries 0, 2, 1, 3}, bias', multiplier(, jump)
 *
 * as in sparse_dsp.h; steps are bytes of scratch, where a word holds one channel of both pixels as int16.
 */

#include "sparse_dsp.h"

#define TK_BOTH_BYTES 36
#define TK_BOTH_UNIT_BYTES (4 + 2 * TK_BOTH_BYTES)

typedef struct {
    int32_t first, second;
    const uint32_t *end;
} tk_both_sums;

/* The sums of an output channel for both pixels, and where its units end. */
#if TK_DSP
TK_INLINE tk_both_sums tk_sparse_both(const uint32_t *w, const uint32_t *x) {
    uint32_t t = *w++, v;
    const uint32_t *end = (const uint32_t *)((const char *)w + (t >> 16));
    int32_t a = 0, b = 0;
    t &= 0xFFFFu;
    __asm__("ldmia.w %[w]!, {r0-r1}\n\t"
            "add pc, %[t]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept %c[units]\n\t"
            "ldmia.w %[w]!, {r0-r1}\n\t"
            "uxtab %[x], %[x], r0\n\t"
            "sxtb16 %[t], r1\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlabb %[a], %[t], %[v], %[a]\n\t"
            "smlabt %[b], %[t], %[v], %[b]\n\t"
            "uxtab %[x], %[x], r0, ror #8\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlatb %[a], %[t], %[v], %[a]\n\t"
            "smlatt %[b], %[t], %[v], %[b]\n\t"
            "uxtab %[x], %[x], r0, ror #16\n\t"
            "sxtb16 %[t], r1, ror #8\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlabb %[a], %[t], %[v], %[a]\n\t"
            "smlabt %[b], %[t], %[v], %[b]\n\t"
            "uxtab %[x], %[x], r0, ror #24\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlatb %[a], %[t], %[v], %[a]\n\t"
            "smlatt %[b], %[t], %[v], %[b]\n\t"
            ".endr\n\t"
            "cmp %[w], %[end]\n\t"
            "bne 1b"
            : [w] "+r"(w), [x] "+r"(x), [t] "+r"(t), [v] "=&r"(v), [a] "+r"(a), [b] "+r"(b)
            : [end] "r"(end), [units] "i"(TK_SPARSE_UNITS)
            : "r0", "r1", "cc", "memory");
    const tk_both_sums sums = {a, b, w};
    return sums;
}
#else
TK_INLINE tk_both_sums tk_sparse_both(const uint32_t *w, const uint32_t *x) {
    const uint32_t control = *w++, *const end = w + (control >> 18);
    tk_both_sums sums = {0, 0, end};
    for (int i = 2 * tk_sparse_first(control, TK_BOTH_UNIT_BYTES, TK_BOTH_BYTES); w != end; w += 2, i = 0) {
        for (; i < 4; i++) {
            const int32_t weight = (int8_t)(uint8_t)(w[1] >> (i % 2 * 16 + i / 2 * 8));
            x += ((w[0] >> (8 * i)) & 0xFFu) / 4;
            sums.first = tk_wrapped_sum(sums.first, weight * tk_low_half(*x));
            sums.second = tk_wrapped_sum(sums.second, weight * tk_high_half(*x));
        }
    }
    return sums;
}
#endif

/* Two pixels side by side: a word for each channel. */
TK_INLINE void tk_unpack_both(uint32_t *x, const int8_t *a, const int8_t *b, int channels) {
    const int8_t *const fours = a + (channels & ~3), *const end = a + channels;
    for (; a != fours; a += 4, b += 4, x += 4) {
        const uint32_t first = tk_load_word(a), second = tk_load_word(b);
        const uint32_t even_a = tk_even_bytes(first), even_b = tk_even_bytes(second);
        const uint32_t odd_a = tk_odd_bytes(first), odd_b = tk_odd_bytes(second);
        x[0] = tk_halves((int32_t)even_a, (int32_t)even_b);
        x[1] = tk_halves((int32_t)odd_a, (int32_t)odd_b);
        x[2] = tk_upper_halves(even_a, even_b);
        x[3] = tk_upper_halves(odd_a, odd_b);
    }
    for (; a != end; a++, b++) {
        *x++ = tk_halves(*a, *b);
    }
}

typedef struct {
    int shift, two_sided;
} tk_conv_2d_sparse_dsp_shape;

/* From one pixel to the next there are `step` bytes, and `skip` more at the end of each `output_width` pixels.
 * columns: 4 bytes a channel. */
TK_INLINE void tk_conv_2d_sparse_dsp(const tk_conv_2d_sparse_dsp_shape *s, const int8_t *input, int8_t *output,
                                     uint32_t *columns, const int32_t *weights, int32_t offset,
                                     int32_t input_channels, int32_t output_channels, int32_t pixels,
                                     int32_t output_width, int32_t step, int32_t skip) {
    int32_t left = output_width;
    for (; pixels > 0; pixels -= 2) {
        const int8_t *pair[2] = {input, input};
        for (int k = 0; k < 2; k++) {
            if (k < pixels) {
                pair[k] = input;
                input += step;
                if (--left == 0) {
                    left = output_width;
                    input += skip;
                }
            }
        }
        tk_unpack_both(columns, pair[0], pair[1], (int)input_channels);
        const uint32_t *w = (const uint32_t *)weights;
        int8_t *second = pixels > 1 ? output + output_channels : output;
        for (const int8_t *end = output + output_channels; output != end; output++, second++) {
            const tk_both_sums sums = tk_sparse_both(w, columns);
            const int32_t *q = (const int32_t *)sums.end, jump = s->two_sided ? q[2] : 0;
            const int32_t a = tk_wrapped_sum(q[0], (int32_t)((uint32_t)sums.first << 8));
            const int32_t b = tk_wrapped_sum(q[0], (int32_t)((uint32_t)sums.second << 8));
            *second = tk_requantize_dsp(s->shift, s->two_sided, b, q[1], jump, offset);
            *output = tk_requantize_dsp(s->shift, s->two_sided, a, q[1], jump, offset);
            w = sums.end + 2 + s->two_sided;
        }
        output = second;
    }
}
