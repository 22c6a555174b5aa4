/* CONV_2D for cores with the DSP extension: four output channels of two pixels at a time.
 *
 * Weights: a half holds two output channels a and b of one input value as a + 256 * b. One SMLAD on the halves as
 * they are accumulates A + 256 * B, one on their sign-extended low bytes A alone; 256 * B is the difference. Sums are
 * 256 times the products' from there on, which is what the requantization wants.
 */

#include "sliding.h"

/*
 * `groups` (at least one) of four output channels a, b, c, d for two pixels. A group of the stream w is
 *
 *     bias'b, bias'd, pairs x {weights ab, weights cd}, bias'a, bias'c, multipliers a, b, c, d(, jumps a, b, c, d)
 *
 * x: word 2k holds values (2k, 2k + 1) of the first pixel's column, word 2k + 1 those of the second's. Returns where
 * the groups end in w.
 */
#if TK_DSP
#define TK_DSP_UNROLL 16

TK_INLINE const uint32_t *tk_conv_groups(int shift, int two_sided, const uint32_t *w, const uint32_t *x, int pairs,
                                         int groups, int8_t *first, int8_t *second, int32_t constant) {
    /* What a group needs once lies on the stack: the dot product takes all 14 registers (volatile keeps a constant
     * out of the literal pool, whose address would take one more). The first step starts the sums. The first turn of
     * the loop starts behind the steps that it has too many, of 12 instructions of 4 bytes. */
    const uint32_t *volatile x_start = x, *volatile x_end = x + 2 * pairs;
    int8_t *volatile end = first + 4 * groups;
    volatile int32_t offset = constant;
    volatile int32_t apart = (int32_t)(second - first);
    volatile uint32_t skip = (pairs == 1 ? TK_DSP_UNROLL : (uint32_t)(1 - pairs) & (TK_DSP_UNROLL - 1)) * 48u;
    int32_t s0, s1, s2, s3, s4, s5, s6, s7; /* ab of the pixels, a of the pixels, cd, c */
    uint32_t t0, t1, t2, t3;
    __asm__ volatile(
        "2:\n\t"
        "ldrd %[s0], %[s4], [%[w]], #8\n\t"
        "ldr %[x], %[x_start]\n\t"
        "ldrd %[t0], %[t1], [%[w]], #8\n\t"
        "ldrd %[t2], %[t3], [%[x]], #8\n\t"
        "smlad %[s1], %[t0], %[t3], %[s0]\n\t"
        "smlad %[s0], %[t0], %[t2], %[s0]\n\t"
        "sxtb16 %[t0], %[t0]\n\t"
        "smlad %[s5], %[t1], %[t3], %[s4]\n\t"
        "smlad %[s4], %[t1], %[t2], %[s4]\n\t"
        "sxtb16 %[t1], %[t1]\n\t"
        "smuad %[s2], %[t0], %[t2]\n\t"
        "smuad %[s3], %[t0], %[t3]\n\t"
        "ldr %[t0], %[skip]\n\t"
        "smuad %[s6], %[t1], %[t2]\n\t"
        "smuad %[s7], %[t1], %[t3]\n\t"
        ".p2align 2\n\t"
        "add pc, %[t0]\n\t"
        "nop\n"
        "1:\n\t"
        ".rept %c[unroll]\n\t"
        "ldrd %[t0], %[t1], [%[w]], #8\n\t"
        "ldrd %[t2], %[t3], [%[x]], #8\n\t"
        "smlad %[s0], %[t0], %[t2], %[s0]\n\t"
        "smlad %[s1], %[t0], %[t3], %[s1]\n\t"
        "sxtb16.w %[t0], %[t0]\n\t"
        "smlad %[s4], %[t1], %[t2], %[s4]\n\t"
        "smlad %[s5], %[t1], %[t3], %[s5]\n\t"
        "sxtb16.w %[t1], %[t1]\n\t"
        "smlad %[s2], %[t0], %[t2], %[s2]\n\t"
        "smlad %[s3], %[t0], %[t3], %[s3]\n\t"
        "smlad %[s6], %[t1], %[t2], %[s6]\n\t"
        "smlad %[s7], %[t1], %[t3], %[s7]\n\t"
        ".endr\n\t"
        "ldr %[t0], %[x_end]\n\t"
        "cmp %[x], %[t0]\n\t"
        "bne 1b\n\t"
        "ldrd %[t1], %[t2], [%[w]], #8\n\t" /* bias'a, bias'c */
        "ldr %[t3], %[offset]\n\t"
        "sub %[s0], %[s0], %[s2]\n\t"
        "sub %[s1], %[s1], %[s3]\n\t"
        "sub %[s4], %[s4], %[s6]\n\t"
        "sub %[s5], %[s5], %[s7]\n\t"
        "add %[s2], %[t1], %[s2], lsl #8\n\t"
        "add %[s3], %[t1], %[s3], lsl #8\n\t"
        "add %[s6], %[t2], %[s6], lsl #8\n\t"
        "add %[s7], %[t2], %[s7], lsl #8\n\t"
        ".if %c[two_sided]\n\t"
        "ldrd %[t1], %[t2], [%[w], #16]\n\t" /* jumps */
        "and %[t0], %[t1], %[s2], asr #31\n\t"
        "add %[s2], %[s2], %[t0]\n\t"
        "and %[t0], %[t1], %[s3], asr #31\n\t"
        "add %[s3], %[s3], %[t0]\n\t"
        "and %[t0], %[t2], %[s0], asr #31\n\t"
        "add %[s0], %[s0], %[t0]\n\t"
        "and %[t0], %[t2], %[s1], asr #31\n\t"
        "add %[s1], %[s1], %[t0]\n\t"
        "ldrd %[t1], %[t2], [%[w], #24]\n\t"
        "and %[t0], %[t1], %[s6], asr #31\n\t"
        "add %[s6], %[s6], %[t0]\n\t"
        "and %[t0], %[t1], %[s7], asr #31\n\t"
        "add %[s7], %[s7], %[t0]\n\t"
        "and %[t0], %[t2], %[s4], asr #31\n\t"
        "add %[s4], %[s4], %[t0]\n\t"
        "and %[t0], %[t2], %[s5], asr #31\n\t"
        "add %[s5], %[s5], %[t0]\n\t"
        ".endif\n\t"
        "ldrd %[t1], %[t2], [%[w]], #8\n\t" /* multipliers */
        "ldr %[t0], %[first]\n\t"
        "smmla %[s2], %[s2], %[t1], %[t3]\n\t"
        "smmla %[s3], %[s3], %[t1], %[t3]\n\t"
        "smmla %[s0], %[s0], %[t2], %[t3]\n\t"
        "smmla %[s1], %[s1], %[t2], %[t3]\n\t"
        "ldrd %[t1], %[t2], [%[w]], #8\n\t"
        "smmla %[s6], %[s6], %[t1], %[t3]\n\t"
        "smmla %[s7], %[s7], %[t1], %[t3]\n\t"
        "ldr %[t1], %[apart]\n\t"
        "smmla %[s4], %[s4], %[t2], %[t3]\n\t"
        "smmla %[s5], %[s5], %[t2], %[t3]\n\t"
        "ssat %[s3], #8, %[s3], asr %[shift]\n\t"
        "ssat %[s2], #8, %[s2], asr %[shift]\n\t"
        "ssat %[s1], #8, %[s1], asr %[shift]\n\t"
        "ssat %[s0], #8, %[s0], asr %[shift]\n\t"
        "ssat %[s7], #8, %[s7], asr %[shift]\n\t"
        "ssat %[s6], #8, %[s6], asr %[shift]\n\t"
        "ssat %[s5], #8, %[s5], asr %[shift]\n\t"
        "ssat %[s4], #8, %[s4], asr %[shift]\n\t"
        "strb %[s3], [%[t0], %[t1]]\n\t"
        "strb %[s2], [%[t0]], #1\n\t"
        "strb %[s1], [%[t0], %[t1]]\n\t"
        "strb %[s0], [%[t0]], #1\n\t"
        "strb %[s7], [%[t0], %[t1]]\n\t"
        "strb %[s6], [%[t0]], #1\n\t"
        "strb %[s5], [%[t0], %[t1]]\n\t"
        "strb %[s4], [%[t0]], #1\n\t"
        "str %[t0], %[first]\n\t"
        "ldr %[t2], %[end]\n\t"
        ".if %c[two_sided]\n\t"
        "add %[w], %[w], #16\n\t"
        ".endif\n\t"
        "cmp %[t0], %[t2]\n\t"
        "bne 2b"
        : [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [s4] "=&r"(s4), [s5] "=&r"(s5),
          [s6] "=&r"(s6), [s7] "=&r"(s7), [w] "+r"(w), [x] "=&r"(x), [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2),
          [t3] "=&r"(t3), [first] "+m"(first)
        : [x_start] "m"(x_start), [x_end] "m"(x_end), [skip] "m"(skip), [apart] "m"(apart), [offset] "m"(offset),
          [end] "m"(end), [shift] "i"(shift), [two_sided] "i"(two_sided), [unroll] "i"(TK_DSP_UNROLL)
        : "cc", "memory");
    return w;
}
#else
TK_INLINE const uint32_t *tk_conv_groups(int shift, int two_sided, const uint32_t *w, const uint32_t *x, int pairs,
                                         int groups, int8_t *first, int8_t *second, int32_t constant) {
    for (int group = 0; group < groups; group++) {
        const uint32_t *weights = w + 2;
        const int32_t *q = (const int32_t *)(weights + 2 * pairs);
        for (int i = 0; i < 2; i++) {
            for (int pixel = 0; pixel < 2; pixel++) {
                int32_t both = (int32_t)w[i], one = 0;
                for (int k = 0; k < pairs; k++) {
                    both = tk_add_dot(weights[2 * k + i], x[2 * k + pixel], both);
                    one = tk_add_dot(tk_even_bytes(weights[2 * k + i]), x[2 * k + pixel], one);
                }
                int8_t *out = (pixel ? second : first) + 4 * group + 2 * i;
                out[0] = tk_requantize_dsp(shift, two_sided, tk_wrapped_sum(q[i], (int32_t)((uint32_t)one << 8)),
                                           q[2 + 2 * i], two_sided ? q[6 + 2 * i] : 0, constant);
                out[1] = tk_requantize_dsp(shift, two_sided, tk_wrapped_difference(both, one), q[3 + 2 * i],
                                           two_sided ? q[7 + 2 * i] : 0, constant);
            }
        }
        w = weights + 2 * pairs + (two_sided ? 10 : 6);
    }
    return w;
}
#endif

/* All output channels of two pixels. The last one to three channels are groups of two, an odd one padded with zeros:
 *
 *     bias'b, pairs x {weights ab}, bias'a, multipliers a, b(, jumps a, b)
 */
TK_INLINE void tk_conv_pixels(int shift, int two_sided, const uint32_t *w, const uint32_t *x, int pairs, int channels,
                              int8_t *first, int8_t *second, int32_t offset) {
    if (channels >= 4) {
        w = tk_conv_groups(shift, two_sided, w, x, pairs, channels / 4, first, second, offset);
    }
    for (int channel = channels & ~3; channel < channels; channel += 2) {
        int32_t both[2] = {(int32_t)*w, (int32_t)*w}, one[2] = {0, 0};
        w++;
        for (int k = 0; k < pairs; k++) {
            const uint32_t raw = *w++, even = tk_even_bytes(raw);
            both[0] = tk_add_dot(raw, x[2 * k], both[0]);
            both[1] = tk_add_dot(raw, x[2 * k + 1], both[1]);
            one[0] = tk_add_dot(even, x[2 * k], one[0]);
            one[1] = tk_add_dot(even, x[2 * k + 1], one[1]);
        }
        const int32_t *q = (const int32_t *)w;
        for (int pixel = 0; pixel < 2; pixel++) {
            int8_t *out = (pixel ? second : first) + channel;
            const int32_t low = tk_wrapped_sum(q[0], (int32_t)((uint32_t)one[pixel] << 8));
            const int32_t high = tk_wrapped_difference(both[pixel], one[pixel]);
            out[0] = tk_requantize_dsp(shift, two_sided, low, q[1], two_sided ? q[3] : 0, offset);
            if (channel + 1 < channels) {
                out[1] = tk_requantize_dsp(shift, two_sided, high, q[2], two_sided ? q[4] : 0, offset);
            }
        }
        w += two_sided ? 5 : 3;
    }
}

/* The same as functions of their own, which layers share; those that no layer calls are not there. */
#define TK_CONV_PIXELS(shift, two_sided, name)                                                                       \
    TK_SHARED void name(const uint32_t *w, const uint32_t *x, int pairs, int channels, int8_t *first,                \
                        int8_t *second, int32_t offset) {                                                            \
        tk_conv_pixels(shift, two_sided, w, x, pairs, channels, first, second, offset);                              \
    }
TK_CONV_PIXELS(6, 0, tk_conv_pixels_6)
TK_CONV_PIXELS(9, 0, tk_conv_pixels_9)
TK_CONV_PIXELS(12, 0, tk_conv_pixels_12)
TK_CONV_PIXELS(15, 0, tk_conv_pixels_15)
TK_CONV_PIXELS(6, 1, tk_conv_pixels_two_sided_6)
TK_CONV_PIXELS(9, 1, tk_conv_pixels_two_sided_9)
TK_CONV_PIXELS(12, 1, tk_conv_pixels_two_sided_12)
TK_CONV_PIXELS(15, 1, tk_conv_pixels_two_sided_15)

/* Of one shift. */
#define TK_CONV_SHARED(number)                                                                                       \
    if (shift == number && two_sided) {                                                                              \
        tk_conv_pixels_two_sided_##number(w, x, pairs, channels, first, second, offset);                             \
    } else if (shift == number) {                                                                                    \
        tk_conv_pixels_##number(w, x, pairs, channels, first, second, offset);                                       \
    }

TK_INLINE void tk_conv_shared(int shift, int two_sided, const uint32_t *w, const uint32_t *x, int pairs, int channels,
                              int8_t *first, int8_t *second, int32_t offset){
    TK_CONV_SHARED(6) TK_CONV_SHARED(9) TK_CONV_SHARED(12) TK_CONV_SHARED(15)}

/* Two runs of `length` bytes side by side into columns of int16 pairs; four bytes become (0, 2), (1, 3), a rest of
 * three (0, 2), (1, zero), of two (0, 1), of one (0, zero). Returns the next free word. */
TK_INLINE uint32_t *tk_unpack_two(uint32_t *x, const int8_t *a, const int8_t *b, int length) {
    const int8_t *end = a + (length & ~3);
    TK_UNROLL(2)
    for (; a != end; a += 4, b += 4, x += 4) {
        const uint32_t first = tk_load_word(a), second = tk_load_word(b);
        x[0] = tk_even_bytes(first);
        x[1] = tk_even_bytes(second);
        x[2] = tk_odd_bytes(first);
        x[3] = tk_odd_bytes(second);
    }
    if ((length & 3) == 0) {
        return x;
    }
    const int partner = (length & 3) - 1;
    x[0] = tk_halves(a[0], partner ? a[partner] : 0);
    x[1] = tk_halves(b[0], partner ? b[partner] : 0);
    if (partner < 2) {
        return x + 2;
    }
    x[2] = tk_halves(a[1], 0);
    x[3] = tk_halves(b[1], 0);
    return x + 4;
}

typedef struct {
    int shift;
} tk_conv_2d_dsp_pointwise_shape;

/*
 * A window of one pixel. From one pixel to the next there are `step` bytes, and `skip` more at the end of each
 * `output_width` pixels. columns: 8 bytes for each two channels.
 */
TK_INLINE void tk_conv_2d_dsp_pointwise(const tk_conv_2d_dsp_pointwise_shape *s, const int8_t *input, int8_t *output,
                                        uint32_t *columns, const int32_t *weights, int32_t offset, int32_t two_sided,
                                        int32_t input_channels, int32_t output_channels, int32_t pixels,
                                        int32_t output_width, int32_t step, int32_t skip) {
    int32_t left = output_width;
    for (; pixels > 0; pixels -= 2) {
        const int8_t *a = input;
        input += step;
        if (--left == 0) {
            left = output_width;
            input += skip;
        }
        const int is_last = pixels == 1;
        tk_unpack_two(columns, a, is_last ? a : input, (int)input_channels);
        if (!is_last) {
            input += step;
            if (--left == 0) {
                left = output_width;
                input += skip;
            }
        }
        tk_conv_shared(s->shift, (int)two_sided, (const uint32_t *)weights, columns, (int)(input_channels + 1) / 2,
                       (int)output_channels, output, is_last ? output : output + output_channels, offset);
        output += 2 * output_channels;
    }
}

/* columns: 8 bytes for each two values of each row of a window, then two such rows as they are. */
TK_INLINE void tk_conv_2d_dsp_image(const tk_sliding *g, int shift, int two_sided, const int8_t *input,
                                    int8_t *output, uint32_t *columns, const int32_t *weights, int32_t offset,
                                    int32_t zero_point, int pixels, int channels) {
    const int run = g->kernel_width * g->input_channels;
    const int pairs = g->kernel_height * ((run + 1) / 2);
    const int row_size = g->input_width * g->input_channels;
    int8_t *edge = (int8_t *)(columns + 2 * pairs);
    tk_origin next = {-g->pad_top, -g->pad_left};
    for (int left = pixels; left > 0; left -= 2) {
        const tk_origin first = next;
        next = tk_next_window(g, next);
        const tk_origin second = left > 1 ? next : first;
        next = tk_next_window(g, next);
        uint32_t *x = columns;
        if (tk_is_whole(g, first) && tk_is_whole(g, second)) {
            const int8_t *a = input + first.y * row_size + first.x * g->input_channels;
            const int8_t *b = input + second.y * row_size + second.x * g->input_channels;
            for (int k = 0; k < g->kernel_height; k++) {
                x = tk_unpack_two(x, a, b, run);
                a += g->dilation_height * row_size;
                b += g->dilation_height * row_size;
            }
        } else {
            for (int k = 0; k < g->kernel_height; k++) {
                const int down = k * g->dilation_height;
                const int8_t *a = tk_window_run(g, input, edge, first.y + down, first.x, zero_point);
                const int8_t *b = tk_window_run(g, input, edge + run, second.y + down, second.x, zero_point);
                x = tk_unpack_two(x, a, b, run);
            }
        }
        tk_conv_shared(shift, two_sided, (const uint32_t *)weights, columns, pairs, channels, output,
                       left > 1 ? output + channels : output, offset);
        output += 2 * channels;
    }
}

/* `own`: layers that differ in it do not share code. */
typedef struct {
    int own, shift;
} tk_conv_2d_dsp_shape;

TK_INLINE void tk_conv_2d_dsp(const tk_conv_2d_dsp_shape *s, const int8_t *input, int8_t *output, uint32_t *columns,
                              const int32_t *weights, int32_t offset, int32_t two_sided, int32_t zero_point,
                              int32_t input_height, int32_t input_width, int32_t input_channels,
                              int32_t output_height, int32_t output_width, int32_t output_channels,
                              int32_t kernel_height, int32_t kernel_width, int32_t stride_height,
                              int32_t stride_width, int32_t dilation_height, int32_t dilation_width, int32_t pad_top,
                              int32_t pad_left) {
    const tk_sliding g = {(int)input_height,    (int)input_width,    (int)input_channels, (int)output_width,
                          (int)kernel_height,   (int)kernel_width,   (int)stride_height,  (int)stride_width,
                          (int)dilation_height, (int)dilation_width, (int)pad_top,        (int)pad_left};
    tk_conv_2d_dsp_image(&g, s->shift, (int)two_sided, input, output, columns, weights, offset, zero_point,
                         (int)(output_height * output_width), (int)output_channels);
}
