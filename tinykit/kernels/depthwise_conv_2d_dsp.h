/* DEPTHWISE_CONV_2D for cores with the DSP extension: four channels at a time, straight from the image. */

#include "dsp.h"

/* What the loops know of a layer: constants, or arguments where layers share the code. */
typedef struct {
    int input_height, input_width, channels, output_height, output_width;
    int kernel_height, kernel_width;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
} tk_depthwise_geometry;

/*
 * `groups` (at least one) of four channels of two pixels `stride` (1 or 2) apart, kernels three values wide. A group
 * of the stream w is
 *
 *     taps x {weights of four channels}, bias' x 4, multipliers x 4(, jumps x 4)
 *
 * row: bytes from one row of the window to the next; distance: from the first pixel's outputs to the second's, 0
 * where the first alone is wanted. Returns where the groups end in w.
 */
#if TK_DSP
#define TK_TAP                                                                                                       \
    "ldr %[wo], [%[w]], #4\n\t"                                                                                      \
    "sxtb16 %[we], %[wo]\n\t"                                                                                        \
    "sxtb16 %[wo], %[wo], ror #8\n\t"
/* The column so many pixels ahead. */
#define TK_TAKE_COLUMN                                                                                               \
    "sxtb16 %[xe], %[xo]\n\t"                                                                                        \
    "sxtb16 %[xo], %[xo], ror #8\n\t"
#define TK_COLUMN_0 "ldr.w %[xo], [%[in]]\n\t" TK_TAKE_COLUMN
#define TK_COLUMN_1 "ldr %[xo], %[one]\n\tldr.w %[xo], [%[in], %[xo]]\n\t" TK_TAKE_COLUMN
#define TK_COLUMN_2 "ldr %[xo], %[one]\n\tldr.w %[xo], [%[in], %[xo], lsl #1]\n\t" TK_TAKE_COLUMN
#define TK_COLUMN_3 "ldr %[xo], %[three]\n\tldr.w %[xo], [%[in], %[xo]]\n\t" TK_TAKE_COLUMN
#define TK_COLUMN_4 "ldr %[xo], %[one]\n\tldr.w %[xo], [%[in], %[xo], lsl #2]\n\t" TK_TAKE_COLUMN
#define TK_START(p)                                                                                                  \
    "smulbb %[" p "0], %[xe], %[we]\n\t"                                                                             \
    "smulbb %[" p "1], %[xo], %[wo]\n\t"                                                                             \
    "smultt %[" p "2], %[xe], %[we]\n\t"                                                                             \
    "smultt %[" p "3], %[xo], %[wo]\n\t"
#define TK_MORE(p)                                                                                                   \
    "smlabb %[" p "0], %[xe], %[we], %[" p "0]\n\t"                                                                  \
    "smlabb %[" p "1], %[xo], %[wo], %[" p "1]\n\t"                                                                  \
    "smlatt %[" p "2], %[xe], %[we], %[" p "2]\n\t"                                                                  \
    "smlatt %[" p "3], %[xo], %[wo], %[" p "3]\n\t"
/* One row of the kernel: columns that both pixels read are read once where the stride is 1. */
#define TK_KERNEL_ROW(FIRST)                                                                                         \
    TK_TAP TK_COLUMN_0 FIRST("a") ".if %c[stride] == 1\n\t" TK_COLUMN_1 FIRST("b") TK_TAP TK_MORE("a")               \
        TK_COLUMN_2 TK_MORE("b") TK_TAP TK_MORE("a") TK_COLUMN_3 TK_MORE("b") ".else\n\t" TK_COLUMN_2 FIRST("b")     \
            TK_TAP TK_COLUMN_1 TK_MORE("a") TK_COLUMN_3 TK_MORE("b") TK_TAP TK_COLUMN_2 TK_MORE("a")                 \
                TK_COLUMN_4 TK_MORE("b") ".endif\n\t"
#define TK_BELOW_ZERO(p, k, jump)                                                                                    \
    "and %[xe], %[" jump "], %[" p k "], asr #31\n\t"                                                                \
    "add %[" p k "], %[" p k "], %[xe]\n\t"
#define TK_SATURATED(p, k) "ssat %[" p k "], #8, %[" p k "], asr %[shift]\n\t"

TK_INLINE const uint32_t *tk_depthwise_groups(int shift, int two_sided, int height, int stride, int32_t channels,
                                              const uint32_t *w, const int8_t *in, int32_t row, int32_t groups,
                                              int8_t *to, int32_t distance, int32_t constant) {
    /* volatile: on the stack, as all 14 registers are taken */
    int8_t *volatile out = to, *volatile end = to + 4 * groups;
    volatile int32_t offset = constant, below = row, back = 4 - height * row, apart = distance;
    volatile int32_t one = channels, three = 3 * channels;
    int32_t a0, a1, a2, a3, b0, b1, b2, b3;
    uint32_t xe, xo, we, wo;
    __asm__ volatile(
        "2:\n\t" TK_KERNEL_ROW(
            TK_START) "ldr %[xe], %[below]\n\t"
                      "add %[in], %[in], %[xe]\n\t"
                      ".rept %c[height] - 1\n\t" TK_KERNEL_ROW(
                          TK_MORE) "ldr %[xe], %[below]\n\t"
                                   "add %[in], %[in], %[xe]\n\t"
                                   ".endr\n\t"
                                   "ldrd %[we], %[wo], [%[w]], #8\n\t"
                                   "ldrd %[xe], %[xo], [%[w]], #8\n\t"
                                   "add %[a0], %[we], %[a0], lsl #8\n\t"
                                   "add %[a1], %[wo], %[a1], lsl #8\n\t"
                                   "add %[a2], %[xe], %[a2], lsl #8\n\t"
                                   "add %[a3], %[xo], %[a3], lsl #8\n\t"
                                   "add %[b0], %[we], %[b0], lsl #8\n\t"
                                   "add %[b1], %[wo], %[b1], lsl #8\n\t"
                                   "add %[b2], %[xe], %[b2], lsl #8\n\t"
                                   "add %[b3], %[xo], %[b3], lsl #8\n\t"
                                   ".if %c[two_sided]\n\t"
                                   "ldrd %[we], %[wo], [%[w], #16]\n\t" TK_BELOW_ZERO("a", "0", "we")
                                       TK_BELOW_ZERO("b", "0", "we") TK_BELOW_ZERO("a", "1", "wo")
                                           TK_BELOW_ZERO("b", "1", "wo") "ldrd %[we], %[wo], [%[w], #24]\n\t" //
        TK_BELOW_ZERO("a", "2", "we") TK_BELOW_ZERO("b", "2", "we") TK_BELOW_ZERO("a", "3", "wo")
            TK_BELOW_ZERO("b", "3", "wo") ".endif\n\t"
                                          "ldrd %[we], %[wo], [%[w]], #8\n\t"
                                          "ldr %[xe], %[offset]\n\t"
                                          "smmla %[a0], %[a0], %[we], %[xe]\n\t"
                                          "smmla %[b0], %[b0], %[we], %[xe]\n\t"
                                          "smmla %[a1], %[a1], %[wo], %[xe]\n\t"
                                          "smmla %[b1], %[b1], %[wo], %[xe]\n\t"
                                          "ldrd %[we], %[wo], [%[w]], #8\n\t"
                                          "smmla %[a2], %[a2], %[we], %[xe]\n\t"
                                          "smmla %[b2], %[b2], %[we], %[xe]\n\t"
                                          "smmla %[a3], %[a3], %[wo], %[xe]\n\t"
                                          "smmla %[b3], %[b3], %[wo], %[xe]\n\t"
                                          "ldr %[we], %[out]\n\t" TK_SATURATED("a", "0") TK_SATURATED("a", "1")
                                              TK_SATURATED("a", "2") TK_SATURATED("a", "3") TK_SATURATED("b", "0")
                                                  TK_SATURATED("b", "1") TK_SATURATED("b", "2")
                                                      TK_SATURATED("b", "3") //
        "ldr %[wo], %[apart]\n\t"
        "strb %[b0], [%[we], %[wo]]\n\t"
        "strb %[a0], [%[we]], #1\n\t"
        "strb %[b1], [%[we], %[wo]]\n\t"
        "strb %[a1], [%[we]], #1\n\t"
        "strb %[b2], [%[we], %[wo]]\n\t"
        "strb %[a2], [%[we]], #1\n\t"
        "strb %[b3], [%[we], %[wo]]\n\t"
        "strb %[a3], [%[we]], #1\n\t"
        "str %[we], %[out]\n\t"
        "ldr %[xe], %[back]\n\t"
        ".if %c[two_sided]\n\t"
        "add %[w], %[w], #16\n\t"
        ".endif\n\t"
        "add %[in], %[in], %[xe]\n\t"
        "ldr %[xe], %[end]\n\t"
        "cmp %[we], %[xe]\n\t"
        "bne 2b"
        : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [b0] "=&r"(b0), [b1] "=&r"(b1),
          [b2] "=&r"(b2), [b3] "=&r"(b3), [xe] "=&r"(xe), [xo] "=&r"(xo), [we] "=&r"(we), [wo] "=&r"(wo), [w] "+r"(w),
          [in] "+r"(in), [out] "+m"(out)
        : [end] "m"(end), [apart] "m"(apart), [one] "m"(one), [three] "m"(three), [offset] "m"(offset),
          [below] "m"(below), [back] "m"(back), [shift] "i"(shift), [two_sided] "i"(two_sided), [height] "i"(height),
          [stride] "i"(stride)
        : "cc", "memory");
    return w;
}
#endif

/* An output from the products' sum; q: the channel's bias', four words on its multiplier, four on its jump. */
TK_INLINE int8_t tk_depthwise_output(int shift, int two_sided, const int32_t *q, int32_t sum, int32_t offset) {
    const int32_t scaled = tk_wrapped_sum(q[0], (int32_t)((uint32_t)sum << 8));
    return tk_requantize_dsp(shift, two_sided, scaled, q[4], two_sided ? q[8] : 0, offset);
}

/* All channels of one pixel, as above; `step`: bytes from one tap to the next in a row. */
TK_INLINE void tk_depthwise_pixel(const tk_depthwise_geometry *g, int shift, int two_sided, const uint32_t *w,
                                  const int8_t *in, int row, int step, int8_t *output, int32_t offset) {
    for (int channel = 0; channel < g->channels; channel += 4) {
        int32_t a = 0, b = 0, c = 0, d = 0;
        const int first = (int)tk_minimum(channel, g->channels - 4);
        const int8_t *from = in + first;
        int8_t *to = output + first;
        for (int y = 0; y < g->kernel_height; y++, from += row) {
            const int8_t *tap = from;
            TK_UNROLL(5)
            for (int x = 0; x < g->kernel_width; x++, tap += step) {
                const uint32_t value = tk_load_word(tap), weight = *w++;
                const uint32_t even = tk_even_bytes(value), odd = tk_odd_bytes(value);
                const uint32_t weight_even = tk_even_bytes(weight), weight_odd = tk_odd_bytes(weight);
                a = tk_add_low_halves(even, weight_even, a);
                b = tk_add_low_halves(odd, weight_odd, b);
                c = tk_add_high_halves(even, weight_even, c);
                d = tk_add_high_halves(odd, weight_odd, d);
            }
        }
        const int32_t *q = (const int32_t *)w;
        to[0] = tk_depthwise_output(shift, two_sided, q, a, offset);
        to[1] = tk_depthwise_output(shift, two_sided, q + 1, b, offset);
        to[2] = tk_depthwise_output(shift, two_sided, q + 2, c, offset);
        to[3] = tk_depthwise_output(shift, two_sided, q + 3, d, offset);
        w += two_sided ? 12 : 8;
    }
}

/* All channels of two pixels `stride` apart; the last four overlap others where they are no multiple of four. */
TK_INLINE void tk_depthwise_two(const tk_depthwise_geometry *g, int shift, int two_sided, int stride,
                                const uint32_t *w, const int8_t *in, int row, int8_t *to, int distance,
                                int32_t offset) {
#if TK_DSP
    /* with -Og a member of a structure is no constant */
    if (__builtin_constant_p(stride + g->kernel_height)) {
        for (int part = 0; part < ((g->channels & 3) != 0 ? 2 : 1); part++) {
            const int at = part ? g->channels - 4 : 0;
            w = tk_depthwise_groups(shift, two_sided, g->kernel_height, stride, g->channels, w, in + at, row,
                                    part ? 1 : g->channels / 4, to + at, distance, offset);
        }
        return;
    }
#endif
    for (int k = 0; k < (distance > 0 ? 2 : 1); k++) {
        tk_depthwise_pixel(g, shift, two_sided, w, in + k * stride * g->channels, row, g->channels, to + k * distance,
                           offset);
    }
}

/* Copy a window of `columns` pixels from (top, left) on, with the zero point where it leaves the image. */
TK_INLINE void tk_depthwise_window(const tk_depthwise_geometry *g, const int8_t *image, int8_t *to, int top, int left,
                                   int columns, int32_t zero_point) {
    for (int i = 0; i < g->kernel_height; i++, top += g->dilation_height) {
        int x = left;
        for (int j = 0; j < columns; j++, x += g->dilation_width, to += g->channels) {
            if (top >= 0 && top < g->input_height && x >= 0 && x < g->input_width) {
                tk_copy_run(to, image + (top * g->input_width + x) * g->channels, g->channels);
            } else {
                tk_fill_run(to, zero_point, g->channels);
            }
        }
    }
}

/* `count` (1 or 2) pixels of a row at a time. `window` has room for kernel_height rows of as many pixels as they
 * need.
 */
TK_INLINE void tk_depthwise_image(const tk_depthwise_geometry *g, int shift, int two_sided, int count,
                                  const int8_t *input, int8_t *output, int8_t *window, const uint32_t *weights,
                                  int32_t offset, int32_t zero_point) {
    const int row = g->dilation_height * g->input_width * g->channels;
    const int columns = (count - 1) * g->stride_width + g->kernel_width;
    for (int y = 0; y < g->output_height; y++) {
        const int top = y * g->stride_height - g->pad_top;
        const int inside = top >= 0 && top + (g->kernel_height - 1) * g->dilation_height < g->input_height;
        for (int x = 0; x < g->output_width; x += count) {
            const int left = x * g->stride_width - g->pad_left;
            const int8_t *from = window;
            int below = columns * g->channels, step = g->channels;
            if (inside && left >= 0 && left + (columns - 1) * g->dilation_width < g->input_width) {
                from = input + (top * g->input_width + left) * g->channels;
                below = row;
                step = g->dilation_width * g->channels;
            } else {
                tk_depthwise_window(g, input, window, top, left, columns, zero_point);
            }
            if (count == 2) {
                const int distance = x + 1 < g->output_width ? g->channels : 0;
                tk_depthwise_two(g, shift, two_sided, g->stride_width, weights, from, below, output, distance,
                                 offset);
                output += g->channels + distance;
            } else {
                tk_depthwise_pixel(g, shift, two_sided, weights, from, below, step, output, offset);
                output += g->channels;
            }
        }
    }
}

typedef struct {
    int kernel_height;
    int stride;
    int shift, two_sided;
} tk_depthwise_conv_2d_dsp_shape;

/* Kernels three wide, not dilated, the same stride (1 or 2) both ways: two pixels at a time. */
TK_INLINE void tk_depthwise_conv_2d_dsp(const tk_depthwise_conv_2d_dsp_shape *s, const int8_t *input, int8_t *output,
                                        int8_t *window, const int32_t *weights, int32_t offset, int32_t zero_point,
                                        int32_t input_height, int32_t input_width, int32_t channels,
                                        int32_t output_height, int32_t output_width, int32_t dilation_height,
                                        int32_t pad_top, int32_t pad_left) {
    const tk_depthwise_geometry g = {(int)input_height,
                                     (int)input_width,
                                     (int)channels,
                                     (int)output_height,
                                     (int)output_width,
                                     s->kernel_height,
                                     3,
                                     s->stride,
                                     s->stride,
                                     (int)dilation_height,
                                     1,
                                     (int)pad_top,
                                     (int)pad_left};
    tk_depthwise_image(&g, s->shift, s->two_sided, 2, input, output, window, (const uint32_t *)weights, offset,
                       zero_point);
}

typedef struct {
    int kernel_height, kernel_width;
    int dilation_height, dilation_width;
    int shift, two_sided;
} tk_depthwise_conv_2d_dsp_any_shape;

/* Any kernel: a pixel at a time. */
TK_INLINE void tk_depthwise_conv_2d_dsp_any(const tk_depthwise_conv_2d_dsp_any_shape *s, const int8_t *input,
                                            int8_t *output, int8_t *window, const int32_t *weights, int32_t offset,
                                            int32_t zero_point, int32_t input_height, int32_t input_width,
                                            int32_t channels, int32_t output_height, int32_t output_width,
                                            int32_t stride_height, int32_t stride_width, int32_t pad_top,
                                            int32_t pad_left) {
    const tk_depthwise_geometry g = {(int)input_height, (int)input_width,   (int)channels,     (int)output_height,
                                     (int)output_width, s->kernel_height,   s->kernel_width,   (int)stride_height,
                                     (int)stride_width, s->dilation_height, s->dilation_width, (int)pad_top,
                                     (int)pad_left};
    tk_depthwise_image(&g, s->shift, s->two_sided, 1, input, output, window, (const uint32_t *)weights, offset,
                       zero_point);
}
