/* CONV_2D for Thumb-2 cores without the DSP extension: two output channels of four pixels at a time.
 *
 * A word holds the values of two pixels as p + 2^23 * q, so that one SMLAL is two products: a 64-bit sum that starts
 * at 2^22 holds Q in its bits from 23 on and P + 2^22 below, which the lowering has proven to be less than 2^23.
 */

#include "sliding.h"

#if defined(__ARM_ARCH_7M__) && defined(__OPTIMIZE__) && !defined(__clang__)
#define TK_THUMB2 1
#else
#define TK_THUMB2 0
#endif

/*
 * `groups` (at least one) of two output channels a, b for four pixels. A group of the stream w is
 *
 *     bias'a, bias'b, multipliers a, b(, jumps a, b), length x {weight a, weight b}, filled to whole words
 *
 * x: word 2k holds value k of pixels 0 and 1, word 2k + 1 of pixels 2 and 3. to: where each pixel's outputs go.
 */
#if TK_THUMB2
TK_INLINE void tk_conv_doubles(int shift, int two_sided, const int8_t *w, const int32_t *x, int length, int groups,
                               int8_t *const *to, int32_t constant) {
    /* volatile: on the stack, as all 14 registers are taken; some of it changes there */
    const int32_t *volatile x_start = x, *volatile x_end = x + 2 * length;
    int8_t *volatile end = to[0] + 2 * groups;
    int8_t *volatile out0 = to[0], *volatile out1 = to[1], *volatile out2 = to[2], *volatile out3 = to[3];
    volatile int32_t offset = constant;
    volatile uint32_t skip = (uint32_t)(-length & 7) * 28u; /* the steps left out first, 7 instructions of 4 bytes */
    const int8_t *volatile parameters = w;
    int32_t l0, l1, l2, l3, h0, h1, h2, h3; /* a of pixels 0 and 1, of 2 and 3, b */
    int32_t u, v, a, b;
    __asm__ volatile("2:\n\t"
                     "str %[w], %[parameters]\n\t"
                     "add %[w], %[w], #16 + 8 * %c[two_sided]\n\t"
                     "ldr %[x], %[x_start]\n\t"
                     "ldr %[u], %[skip]\n\t"
                     "mov %[l0], #0x400000\n\t"
                     "mov %[l1], #0x400000\n\t"
                     "mov %[l2], #0x400000\n\t"
                     "mov %[l3], #0x400000\n\t"
                     "mov %[h0], #0\n\t"
                     "mov %[h1], #0\n\t"
                     "mov %[h2], #0\n\t"
                     "mov %[h3], #0\n\t"
                     ".p2align 2\n\t"
                     "add pc, %[u]\n\t"
                     "nop\n"
                     "1:\n\t"
                     ".rept 8\n\t"
                     "ldrd %[u], %[v], [%[x]], #8\n\t"
                     "ldrsb.w %[b], [%[w], #1]\n\t"
                     "ldrsb.w %[a], [%[w]], #2\n\t"
                     "smlal %[l0], %[h0], %[a], %[u]\n\t"
                     "smlal %[l1], %[h1], %[a], %[v]\n\t"
                     "smlal %[l2], %[h2], %[b], %[u]\n\t"
                     "smlal %[l3], %[h3], %[b], %[v]\n\t"
                     ".endr\n\t"
                     "ldr %[u], %[x_end]\n\t"
                     "cmp %[x], %[u]\n\t"
                     "bne 1b\n\t"
                     "add %[w], %[w], #3\n\t"
                     "bic %[w], %[w], #3\n\t"
                     "ldr %[u], %[parameters]\n\t"
                     "lsr %[x], %[l0], #23\n\t"
                     "orr %[h0], %[x], %[h0], lsl #9\n\t"
                     "ubfx %[l0], %[l0], #0, #23\n\t"
                     "lsr %[x], %[l1], #23\n\t"
                     "orr %[h1], %[x], %[h1], lsl #9\n\t"
                     "ubfx %[l1], %[l1], #0, #23\n\t"
                     "lsr %[x], %[l2], #23\n\t"
                     "orr %[h2], %[x], %[h2], lsl #9\n\t"
                     "ubfx %[l2], %[l2], #0, #23\n\t"
                     "lsr %[x], %[l3], #23\n\t"
                     "orr %[h3], %[x], %[h3], lsl #9\n\t"
                     "ubfx %[l3], %[l3], #0, #23\n\t"
                     "ldrd %[a], %[b], [%[u]]\n\t" /* bias' */
                     "sub %[v], %[a], #0x40000000\n\t"
                     "add %[h0], %[a], %[h0], lsl #8\n\t"
                     "add %[h1], %[a], %[h1], lsl #8\n\t"
                     "add %[l0], %[v], %[l0], lsl #8\n\t"
                     "add %[l1], %[v], %[l1], lsl #8\n\t"
                     "sub %[v], %[b], #0x40000000\n\t"
                     "add %[h2], %[b], %[h2], lsl #8\n\t"
                     "add %[h3], %[b], %[h3], lsl #8\n\t"
                     "add %[l2], %[v], %[l2], lsl #8\n\t"
                     "add %[l3], %[v], %[l3], lsl #8\n\t"
                     ".if %c[two_sided]\n\t"
                     "ldrd %[a], %[b], [%[u], #16]\n\t" /* jumps */
                     "and %[v], %[a], %[l0], asr #31\n\t"
                     "add %[l0], %[l0], %[v]\n\t"
                     "and %[v], %[a], %[l1], asr #31\n\t"
                     "add %[l1], %[l1], %[v]\n\t"
                     "and %[v], %[a], %[h0], asr #31\n\t"
                     "add %[h0], %[h0], %[v]\n\t"
                     "and %[v], %[a], %[h1], asr #31\n\t"
                     "add %[h1], %[h1], %[v]\n\t"
                     "and %[v], %[b], %[l2], asr #31\n\t"
                     "add %[l2], %[l2], %[v]\n\t"
                     "and %[v], %[b], %[l3], asr #31\n\t"
                     "add %[l3], %[l3], %[v]\n\t"
                     "and %[v], %[b], %[h2], asr #31\n\t"
                     "add %[h2], %[h2], %[v]\n\t"
                     "and %[v], %[b], %[h3], asr #31\n\t"
                     "add %[h3], %[h3], %[v]\n\t"
                     ".endif\n\t"
                     "ldrd %[a], %[b], [%[u], #8]\n\t" /* multipliers */
                     "ldr %[u], %[offset]\n\t"
                     "smull %[v], %[l0], %[l0], %[a]\n\t"
                     "smull %[v], %[l1], %[l1], %[a]\n\t"
                     "smull %[v], %[h0], %[h0], %[a]\n\t"
                     "smull %[v], %[h1], %[h1], %[a]\n\t"
                     "smull %[v], %[l2], %[l2], %[b]\n\t"
                     "smull %[v], %[l3], %[l3], %[b]\n\t"
                     "smull %[v], %[h2], %[h2], %[b]\n\t"
                     "smull %[v], %[h3], %[h3], %[b]\n\t"
                     "add %[l0], %[l0], %[u]\n\t"
                     "add %[l1], %[l1], %[u]\n\t"
                     "add %[l2], %[l2], %[u]\n\t"
                     "add %[l3], %[l3], %[u]\n\t"
                     "add %[h0], %[h0], %[u]\n\t"
                     "add %[h1], %[h1], %[u]\n\t"
                     "add %[h2], %[h2], %[u]\n\t"
                     "add %[h3], %[h3], %[u]\n\t"
                     "ssat %[l0], #8, %[l0], asr %[shift]\n\t"
                     "ssat %[l1], #8, %[l1], asr %[shift]\n\t"
                     "ssat %[l2], #8, %[l2], asr %[shift]\n\t"
                     "ssat %[l3], #8, %[l3], asr %[shift]\n\t"
                     "ssat %[h0], #8, %[h0], asr %[shift]\n\t"
                     "ssat %[h1], #8, %[h1], asr %[shift]\n\t"
                     "ssat %[h2], #8, %[h2], asr %[shift]\n\t"
                     "ssat %[h3], #8, %[h3], asr %[shift]\n\t"
                     "ldr %[u], %[out3]\n\t"
                     "strb %[h3], [%[u], #1]\n\t"
                     "strb %[h1], [%[u]], #2\n\t"
                     "str %[u], %[out3]\n\t"
                     "ldr %[u], %[out2]\n\t"
                     "strb %[l3], [%[u], #1]\n\t"
                     "strb %[l1], [%[u]], #2\n\t"
                     "str %[u], %[out2]\n\t"
                     "ldr %[u], %[out1]\n\t"
                     "strb %[h2], [%[u], #1]\n\t"
                     "strb %[h0], [%[u]], #2\n\t"
                     "str %[u], %[out1]\n\t"
                     "ldr %[u], %[out0]\n\t"
                     "strb %[l2], [%[u], #1]\n\t"
                     "strb %[l0], [%[u]], #2\n\t"
                     "str %[u], %[out0]\n\t"
                     "ldr %[v], %[end]\n\t"
                     "cmp %[u], %[v]\n\t"
                     "bne 2b"
                     : [l0] "=&r"(l0), [l1] "=&r"(l1), [l2] "=&r"(l2), [l3] "=&r"(l3), [h0] "=&r"(h0), [h1] "=&r"(h1),
                       [h2] "=&r"(h2), [h3] "=&r"(h3), [u] "=&r"(u), [v] "=&r"(v), [a] "=&r"(a), [b] "=&r"(b),
                       [w] "+r"(w), [x] "=&r"(x)
                     : [out0] "m"(out0), [out1] "m"(out1), [out2] "m"(out2), [out3] "m"(out3),
                       [parameters] "m"(parameters), [x_start] "m"(x_start), [x_end] "m"(x_end), [skip] "m"(skip),
                       [offset] "m"(offset), [end] "m"(end), [shift] "i"(shift), [two_sided] "i"(two_sided)
                     : "cc", "memory");
}
#else
TK_INLINE void tk_conv_doubles(int shift, int two_sided, const int8_t *w, const int32_t *x, int length, int groups,
                               int8_t *const *to, int32_t constant) {
    for (int group = 0; group < groups; group++) {
        const int32_t *q = (const int32_t *)(const void *)w;
        w += two_sided ? 24 : 16;
        for (int channel = 0; channel < 2; channel++) {
            for (int pair = 0; pair < 2; pair++) {
                int64_t sum = (int64_t)1 << 22;
                for (int k = 0; k < length; k++) {
                    sum += (int64_t)w[2 * k + channel] * x[2 * k + pair];
                }
                const int32_t found[2] = {(int32_t)(sum & 0x7FFFFF) - (1 << 22), (int32_t)(sum >> 23)};
                for (int pixel = 0; pixel < 2; pixel++) {
                    const int32_t scaled = tk_wrapped_sum(q[channel], found[pixel] * 256);
                    to[2 * pair + pixel][2 * group + channel] = tk_requantize_dsp(
                        shift, two_sided, scaled, q[2 + channel], two_sided ? q[4 + channel] : 0, constant);
                }
            }
        }
        w += (2 * length + 3) & ~3;
    }
}
#endif

/* As functions that layers share. */
#define TK_CONV_DOUBLES(shift, two_sided, name)                                                                      \
    TK_SHARED void name(const int8_t *w, const int32_t *x, int length, int groups, int8_t *const *to,                \
                        int32_t offset) {                                                                            \
        tk_conv_doubles(shift, two_sided, w, x, length, groups, to, offset);                                         \
    }
TK_CONV_DOUBLES(6, 0, tk_conv_doubles_6)
TK_CONV_DOUBLES(9, 0, tk_conv_doubles_9)
TK_CONV_DOUBLES(12, 0, tk_conv_doubles_12)
TK_CONV_DOUBLES(15, 0, tk_conv_doubles_15)
TK_CONV_DOUBLES(6, 1, tk_conv_doubles_two_sided_6)
TK_CONV_DOUBLES(9, 1, tk_conv_doubles_two_sided_9)
TK_CONV_DOUBLES(12, 1, tk_conv_doubles_two_sided_12)
TK_CONV_DOUBLES(15, 1, tk_conv_doubles_two_sided_15)

/* Of one shift. */
#define TK_CONV_DOUBLES_SHARED(number)                                                                               \
    if (shift == number && two_sided) {                                                                              \
        tk_conv_doubles_two_sided_##number(w, x, length, groups, to, offset);                                        \
    } else if (shift == number) {                                                                                    \
        tk_conv_doubles_##number(w, x, length, groups, to, offset);                                                  \
    }

TK_INLINE void tk_conv_doubles_shared(int shift, int two_sided, const int8_t *w, const int32_t *x, int length,
                                      int groups, int8_t *const *to, int32_t offset){
    TK_CONV_DOUBLES_SHARED(6) TK_CONV_DOUBLES_SHARED(9) TK_CONV_DOUBLES_SHARED(12) TK_CONV_DOUBLES_SHARED(15)}

/* All output channels of four pixels from `output` on, of which `count` are there. An odd channel is a group of its
 * own with the one before it. */
TK_INLINE void tk_conv_fours(int shift, int two_sided, const int8_t *w, const int32_t *x, int length, int channels,
                             int8_t *output, int count, int32_t offset) {
    int8_t *to[4];
    for (int i = 0; i < 4; i++) {
        to[i] = output + tk_minimum(i, count - 1) * channels;
    }
    tk_conv_doubles_shared(shift, two_sided, w, x, length, channels / 2, to, offset);
    if (channels & 1) {
        for (int i = 0; i < 4; i++) {
            to[i] += channels - 2;
        }
        w += channels / 2 * ((two_sided ? 24 : 16) + ((2 * length + 3) & ~3));
        tk_conv_doubles_shared(shift, two_sided, w, x, length, 1, to, offset);
    }
}

/* Two runs of `length` bytes as words of two values, every other word. Returns the word behind. */
TK_INLINE int32_t *tk_join_two(int32_t *x, const int8_t *a, const int8_t *b, int length) {
    const int8_t *end = a + length;
    TK_UNROLL(4)
    for (; a != end; x += 2) {
        *x = *a++ + *b++ * (1 << 23);
    }
    return x;
}

typedef struct {
    int shift;
} tk_conv_2d_thumb2_pointwise_shape;

/* A window of one pixel; for the arguments see tk_conv_2d_dsp_pointwise. columns: 8 bytes a channel. */
TK_INLINE void tk_conv_2d_thumb2_pointwise(const tk_conv_2d_thumb2_pointwise_shape *s, const int8_t *input,
                                           int8_t *output, int32_t *columns, const int8_t *weights, int32_t offset,
                                           int32_t two_sided, int32_t input_channels, int32_t output_channels,
                                           int32_t pixels, int32_t output_width, int32_t step, int32_t skip) {
    int32_t left = output_width;
    for (; pixels > 0; pixels -= 4) {
        const int count = (int)tk_minimum(pixels, 4);
        const int8_t *from[4];
        const int8_t *pixel = input;
        for (int i = 0; i < 4; i++) {
            if (i < count) {
                pixel = input;
                input += step;
                if (--left == 0) {
                    left = output_width;
                    input += skip;
                }
            }
            from[i] = pixel;
        }
        tk_join_two(columns, from[0], from[1], (int)input_channels);
        tk_join_two(columns + 1, from[2], from[3], (int)input_channels);
        tk_conv_fours(s->shift, (int)two_sided, weights, columns, (int)input_channels, (int)output_channels, output,
                      count, offset);
        output += 4 * output_channels;
    }
}

/* columns: 8 bytes for each value of a window, then two of its rows as they are. */
TK_INLINE void tk_conv_2d_thumb2_image(const tk_sliding *g, int shift, int two_sided, const int8_t *input,
                                       int8_t *output, int32_t *columns, const int8_t *weights, int32_t offset,
                                       int32_t zero_point, int pixels, int channels) {
    const int run = g->kernel_width * g->input_channels;
    const int length = g->kernel_height * run;
    int8_t *edge = (int8_t *)(columns + 2 * length);
    tk_origin next = {-g->pad_top, -g->pad_left};
    for (int left = pixels; left > 0; left -= 4) {
        const int count = (int)tk_minimum(left, 4);
        for (int pair = 0; pair < 2; pair++) {
            const tk_origin first = next;
            if (2 * pair + 1 < count) {
                next = tk_next_window(g, next);
            }
            const tk_origin second = next;
            if (2 * pair + 2 < count) {
                next = tk_next_window(g, next);
            }
            int32_t *x = columns + pair;
            for (int k = 0; k < g->kernel_height; k++) {
                const int down = k * g->dilation_height;
                const int8_t *a = tk_window_run(g, input, edge, first.y + down, first.x, zero_point);
                const int8_t *b = tk_window_run(g, input, edge + run, second.y + down, second.x, zero_point);
                x = tk_join_two(x, a, b, run);
            }
        }
        next = tk_next_window(g, next);
        tk_conv_fours(shift, two_sided, weights, columns, length, channels, output, count, offset);
        output += 4 * channels;
    }
}

/* `own`: layers that differ in it do not share code. */
typedef struct {
    int own, shift;
} tk_conv_2d_thumb2_shape;

TK_INLINE void tk_conv_2d_thumb2(const tk_conv_2d_thumb2_shape *s, const int8_t *input, int8_t *output,
                                 int32_t *columns, const int8_t *weights, int32_t offset, int32_t two_sided,
                                 int32_t zero_point, int32_t input_height, int32_t input_width,
                                 int32_t input_channels, int32_t output_height, int32_t output_width,
                                 int32_t output_channels, int32_t kernel_height, int32_t kernel_width,
                                 int32_t stride_height, int32_t stride_width, int32_t dilation_height,
                                 int32_t dilation_width, int32_t pad_top, int32_t pad_left) {
    const tk_sliding g = {(int)input_height,    (int)input_width,    (int)input_channels, (int)output_width,
                          (int)kernel_height,   (int)kernel_width,   (int)stride_height,  (int)stride_width,
                          (int)dilation_height, (int)dilation_width, (int)pad_top,        (int)pad_left};
    tk_conv_2d_thumb2_image(&g, s->shift, (int)two_sided, input, output, columns, weights, offset, zero_point,
                            (int)(output_height * output_width), (int)output_channels);
}
