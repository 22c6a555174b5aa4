/* Convolutions of few weights for cores with the DSP extension: four pixels share each weight, and zeros are neither
 * stored nor multiplied.
 *
 * An output channel's stream:
 *
 *     control, units of {four steps, weights of entries 0, 2, 1, 3}, bias', multiplier(, jump)
 *
 * as in sparse_dsp.h; steps are bytes of scratch, where two words hold one value of the windows of four pixels.
 */

#include "sliding.h"
#include "sparse_dsp.h"

#define TK_FOUR_BYTES 52
#define TK_FOUR_UNIT_BYTES (4 + 2 * TK_FOUR_BYTES)

typedef struct {
    int32_t of[4];
    const uint32_t *end;
} tk_four_sums;

/* The sums of an output channel for four pixels, and where its units end. */
#if TK_DSP
#define TK_FOUR_PRODUCTS(half)                                                                                       \
    "ldrd %[v], %[u], [%[x]]\n\t"                                                                                    \
    "smla" half "b %[a], %[t], %[v], %[a]\n\t"                                                                       \
    "smla" half "t %[b], %[t], %[v], %[b]\n\t"                                                                       \
    "smla" half "b %[c], %[t], %[u], %[c]\n\t"                                                                       \
    "smla" half "t %[d], %[t], %[u], %[d]\n\t"

TK_INLINE tk_four_sums tk_sparse_four(const uint32_t *w, const uint32_t *x) {
    uint32_t t = *w++, v, u;
    const uint32_t *end = (const uint32_t *)((const char *)w + (t >> 16));
    int32_t a = 0, b = 0, c = 0, d = 0;
    t &= 0xFFFFu;
    __asm__("ldmia.w %[w]!, {r0-r1}\n\t"
            "add pc, %[t]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept %c[units]\n\t"
            "ldmia.w %[w]!, {r0-r1}\n\t"
            "uxtab %[x], %[x], r0\n\t"
            "sxtb16 %[t], r1\n\t" TK_FOUR_PRODUCTS("b") "uxtab %[x], %[x], r0, ror #8\n\t" TK_FOUR_PRODUCTS(
                "t") "uxtab %[x], %[x], r0, ror #16\n\t"
                     "sxtb16 %[t], r1, ror #8\n\t" TK_FOUR_PRODUCTS(
                         "b") "uxtab %[x], %[x], r0, ror #24\n\t" TK_FOUR_PRODUCTS("t") ".endr\n\t"
                                                                                        "cmp %[w], %[end]\n\t"
                                                                                        "bne 1b"
            : [w] "+r"(w), [x] "+r"(x), [t] "+r"(t), [v] "=&r"(v), [u] "=&r"(u), [a] "+r"(a), [b] "+r"(b),
              [c] "+r"(c), [d] "+r"(d)
            : [end] "r"(end), [units] "i"(TK_SPARSE_UNITS)
            : "r0", "r1", "cc", "memory");
    const tk_four_sums sums = {{a, b, c, d}, w};
    return sums;
}
#else
TK_INLINE tk_four_sums tk_sparse_four(const uint32_t *w, const uint32_t *x) {
    const uint32_t control = *w++, *const end = w + (control >> 18);
    tk_four_sums sums = {{0, 0, 0, 0}, end};
    for (int i = 2 * tk_sparse_first(control, TK_FOUR_UNIT_BYTES, TK_FOUR_BYTES); w != end; w += 2, i = 0) {
        for (; i < 4; i++) {
            const int32_t weight = (int8_t)(uint8_t)(w[1] >> (i % 2 * 16 + i / 2 * 8));
            x += ((w[0] >> (8 * i)) & 0xFFu) / 4;
            for (int k = 0; k < 4; k++) {
                const int32_t value = k % 2 ? tk_high_half(x[k / 2]) : tk_low_half(x[k / 2]);
                sums.of[k] = tk_wrapped_sum(sums.of[k], weight * value);
            }
        }
    }
    return sums;
}
#endif

/* Two runs of `length` bytes side by side: every other word holds a value of both. Returns the word behind. */
TK_INLINE uint32_t *tk_unpack_both(uint32_t *x, const int8_t *a, const int8_t *b, int length) {
    const int8_t *const fours = a + (length & ~3), *const end = a + length;
    for (; a != fours; a += 4, b += 4, x += 8) {
        const uint32_t first = tk_load_word(a), second = tk_load_word(b);
        const uint32_t even_a = tk_even_bytes(first), even_b = tk_even_bytes(second);
        const uint32_t odd_a = tk_odd_bytes(first), odd_b = tk_odd_bytes(second);
        x[0] = tk_halves((int32_t)even_a, (int32_t)even_b);
        x[2] = tk_halves((int32_t)odd_a, (int32_t)odd_b);
        x[4] = tk_upper_halves(even_a, even_b);
        x[6] = tk_upper_halves(odd_a, odd_b);
    }
    for (; a != end; a++, b++, x += 2) {
        *x = tk_halves(*a, *b);
    }
    return x;
}

typedef struct {
    int shift, two_sided;
} tk_conv_2d_sparse_dsp_shape;

/* columns: 8 bytes for each value of a window, then two of its rows as they are. */
TK_INLINE void tk_conv_2d_sparse_dsp(const tk_conv_2d_sparse_dsp_shape *s, const int8_t *input, int8_t *output,
                                     uint32_t *columns, const int32_t *weights, int32_t offset, int32_t zero_point,
                                     int32_t input_height, int32_t input_width, int32_t input_channels,
                                     int32_t output_height, int32_t output_width, int32_t output_channels,
                                     int32_t kernel_height, int32_t kernel_width, int32_t stride_height,
                                     int32_t stride_width, int32_t dilation_height, int32_t dilation_width,
                                     int32_t pad_top, int32_t pad_left) {
    const tk_sliding g = {(int)input_height,    (int)input_width,    (int)input_channels, (int)output_width,
                          (int)kernel_height,   (int)kernel_width,   (int)stride_height,  (int)stride_width,
                          (int)dilation_height, (int)dilation_width, (int)pad_top,        (int)pad_left};
    const int run = g.kernel_width * g.input_channels;
    int8_t *const edge = (int8_t *)(columns + 2 * g.kernel_height * run);
    tk_origin next = {-g.pad_top, -g.pad_left};
    for (int32_t left = output_height * output_width; left > 0; left -= 4) {
        for (int pair = 0; pair < 2; pair++) {
            tk_origin at[2];
            for (int i = 0; i < 2; i++) {
                at[i] = next;
                if (2 * pair + i + 1 < left) {
                    next = tk_next_window(&g, next);
                }
            }
            uint32_t *x = columns + pair;
            for (int k = 0; k < g.kernel_height; k++) {
                const int down = k * g.dilation_height;
                const int8_t *a = tk_window_run(&g, input, edge, at[0].y + down, at[0].x, zero_point);
                const int8_t *b = tk_window_run(&g, input, edge + run, at[1].y + down, at[1].x, zero_point);
                x = tk_unpack_both(x, a, b, run);
            }
        }
        const uint32_t *w = (const uint32_t *)weights;
        const int32_t last = tk_minimum(left, 4) - 1;
        for (int8_t *end = output + output_channels; output != end; output++) {
            const tk_four_sums sums = tk_sparse_four(w, columns);
            const int32_t *q = (const int32_t *)sums.end, jump = s->two_sided ? q[2] : 0;
            for (int k = 0; k < 4; k++) {
                const int32_t sum = tk_wrapped_sum(q[0], (int32_t)((uint32_t)sums.of[k] << 8));
                output[tk_minimum(k, last) * output_channels] =
                    tk_requantize_dsp(s->shift, s->two_sided, sum, q[1], jump, offset);
            }
            w = sums.end + 2 + s->two_sided;
        }
        output += last * output_channels;
    }
}
