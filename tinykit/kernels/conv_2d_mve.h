/*
 * CONV_2D with Helium: two pixels and four output channels at a time, sixteen products an instruction.
 *
 * A window is read as runs of bytes that lie together in the image (a kernel row, or a part of one). The weights of
 * four channels follow each other in the order of use: biases (4 words), for each run its pieces of 16 values (4 x 16
 * bytes) and the rest, multipliers (4 words), shifts to the left (4 bytes). Where channels do not divide by four, the
 * last group repeats some.
 */

#include "mve_products.h"
#include "window.h"

/* A run of the windows of two pixels, and how far the next two lie. */
typedef struct {
    const int8_t *first, *second;
    int32_t step;
} tk_mve_run;

/* The table of runs in scratch memory, which starts at a word: where pointers have 64 bits perhaps a word later. */
TK_INLINE tk_mve_run *tk_mve_table(int32_t *scratch) {
    return (tk_mve_run *)(void *)(scratch + ((uintptr_t)scratch / 4 & (sizeof(void *) / 4 - 1)));
}

/* What `tk_mve_pairs` works on; `runs` ends with a run of NULL. The second outputs follow the first ones, or are
 * them. */
typedef struct {
    tk_mve_run *runs;
    const int8_t *weights;
    int8_t *outputs[2];
    int32_t pairs;
    tk_mve_limits limits;
} tk_mve_stretch;

/* One run, from where r7 points. */
#define TK_MVE_RUN                                                                                                   \
    "ldrd r3, r5, [r7], #12\n"                                                                                       \
    ".rept %c[pieces]\n"                                                                                             \
    "vldrb.s8 q0, [r3], #16\n"                                                                                       \
    "vldrb.s8 q1, [r5], #16\n" TK_MVE_PIECE ".endr\n"                                                                \
    ".if %c[rest]\n"                                                                                                 \
    "vpstt\n"                                                                                                        \
    "vldrbt.s8 q0, [r3]\n"                                                                                           \
    "vldrbt.s8 q1, [r5]\n" TK_MVE_REST ".endif\n"

/* Outputs of `pairs` pairs of pixels; all but `stretch` are constants. A run has 16 * pieces + rest values.
 * `two_sided`: not all that is below zero is clamped away; `saturated`: the clamp is that of int8. */
TK_INLINE void tk_mve_pairs(tk_mve_stretch *stretch, int runs, int pieces, int rest, int channels, int two_sided,
                            int saturated) {
#if TK_MVE
    if (__builtin_constant_p(runs + pieces + rest + channels + two_sided + saturated)) {
        tk_mve_stretch s = *stretch;
        __asm__ volatile(
            TK_MVE_LONG TK_MVE_LIMITS_16 ".if %c[rest]\n"
                                         "mov r7, #%c[rest]\n"
                                         "vctp.8 r7\n"
                                         ".endif\n"
                                         "ldrd r9, r2, %[outputs]\n"
                                         "add r11, r9, #%c[channels]\n"
                                         "mov r0, #0\n" /* q4: where two pixels' four channels go, alternately */
                                         "vidup.u32 q4, r0, #1\n"
                                         "mov r7, #0x10001\n"
                                         "vmul.i32 q4, q4, r7\n"
                                         "sub r2, r2, r9\n"
                                         "lsl r2, r2, #16\n"
                                         "vadd.i32 q4, q4, r2\n"
                                         "1: ldr r1, %[weights]\n"
                                         "2: ldr r7, %[runs]\n"
                                         "ldm r1, {r0, r2, r4, r6}\n"
                                         "ldm r1!, {r8, r10, r12, lr}\n"
                                         ".if %c[unrolled]\n"
                                         ".rept %c[count]\n" TK_MVE_RUN ".endr\n"
                                         ".else\n"
                                         "3:\n" TK_MVE_RUN "ldr r3, [r7]\n"
                                         "cmp r3, #0\n"
                                         "bne 3b\n"
                                         ".endif\n" TK_MVE_EIGHT_OUTPUTS "adds r9, #4\n"
                                         "cmp r9, r11\n"
                                         ".if %c[channels] %% 4\n"
                                         "beq 4f\n"
                                         "sub r7, r11, #4\n"
                                         "cmp r9, r7\n"
                                         "it hi\n"
                                         "movhi r9, r7\n"
                                         "b 2b\n"
                                         "4:\n"
                                         ".else\n"
                                         "bne 2b\n"
                                         ".endif\n"
                                         "ldr r7, %[pairs]\n"
                                         "subs r7, #1\n"
                                         "beq 5f\n"
                                         "str r7, %[pairs]\n"
                                         "add r9, r9, #%c[channels]\n"
                                         "add r11, r9, #%c[channels]\n"
                                         "ldr r7, %[runs]\n"
                                         ".rept %c[count]\n"
                                         "ldm r7, {r0, r2, r4}\n"
                                         "adds r0, r4\n"
                                         "adds r2, r4\n"
                                         "strd r0, r2, [r7], #12\n"
                                         ".endr\n"
                                         "b 1b\n"
                                         "5:\n"
            : [pairs] "+m"(s.pairs)
            : [outputs] "m"(s.outputs), [runs] "m"(s.runs), [weights] "m"(s.weights), [zero] "m"(s.limits.zero_point),
              [low] "m"(s.limits.low), [high] "m"(s.limits.high), [count] "i"(runs),
              [unrolled] "i"(runs * (pieces + (rest > 0)) <= 12), [pieces] "i"(pieces), [rest] "i"(rest),
              [channels] "i"(channels), [two_sided] "i"(two_sided), [saturated] "i"(saturated)
            : TK_MVE_ALL);
        return;
    }
#endif
    const int lead = 4 * rest, values = 16 * pieces + rest;
    (void)two_sided;
    (void)saturated;
    for (int pair = 0; pair < stretch->pairs; pair++) {
        const int8_t *w = stretch->weights;
        for (int channel = 0; channel < channels; channel += 4) {
            const int first = tk_minimum(channel, channels - 4);
            int32_t sums[2][4];
            for (int k = 0; k < 4; k++) {
                sums[0][k] = sums[1][k] = tk_mve_word(w + 4 * k);
            }
            w += 16;
            for (int run = 0; run < runs; run++, w += 64 * pieces + lead) {
                for (int i = 0; i < values; i++) {
                    const int piece = i / 16, size = piece < pieces ? 16 : rest;
                    for (int k = 0; k < 4; k++) {
                        const int32_t weight = w[64 * piece + size * k + i % 16];
                        sums[0][k] += weight * stretch->runs[run].first[i];
                        sums[1][k] += weight * stretch->runs[run].second[i];
                    }
                }
            }
            for (int k = 0; k < 4; k++) {
                for (int j = 0; j < 2; j++) {
                    stretch->outputs[j][first + k] =
                        tk_requantize(1, sums[j][k], tk_mve_word(w + 4 * k), -w[16 + k], stretch->limits.zero_point,
                                      stretch->limits.low, stretch->limits.high);
                }
            }
            w += 20;
        }
        for (int run = 0; run < runs; run++) {
            stretch->runs[run].first += stretch->runs[run].step;
            stretch->runs[run].second += stretch->runs[run].step;
        }
        stretch->outputs[0] = stretch->outputs[1] + channels;
        stretch->outputs[1] = stretch->outputs[0] + channels;
    }
}

typedef struct {
    int input_height, input_width, depth;
    int output_height, output_width, channels;
    int kernel_height, kernel_width;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int gathered;
    int runs, pieces, rest;
    int two_sided, saturated;
} tk_conv_2d_mve_shape;

/* Copy the window of one pixel together, the zero point where it lies outside the image. */
TK_INLINE void tk_mve_column(const tk_conv_2d_mve_shape *s, const int8_t *input, int8_t *column, int top, int left,
                             int32_t zero_point) {
    const int run = s->kernel_width * s->depth;
    const tk_span inside = tk_inside(left, s->kernel_width, s->dilation_width, s->input_width);
    const int is_whole = s->dilation_width == 1 && inside.first == 0 && inside.last == s->kernel_width;
    for (int ky = 0; ky < s->kernel_height; ky++, column += run) {
        const int y = top + ky * s->dilation_height;
        const int is_inside = y >= 0 && y < s->input_height;
        const int row = (y * s->input_width + left) * s->depth;
        if (is_inside && is_whole) {
            tk_mve_copy(column, input + row, run);
            continue;
        }
        tk_mve_fill(column, zero_point, run);
        for (int kx = inside.first; is_inside && kx < inside.last; kx++) {
            tk_mve_copy(column + kx * s->depth, input + row + kx * s->dilation_width * s->depth, s->depth);
        }
    }
}

/* What `tk_conv_2d_mve` lays in its scratch: two windows copied together, and a kernel row outside the image. */
typedef struct {
    tk_mve_run *runs;
    int8_t *windows, *outside;
} tk_mve_places;

/* Point the runs of the pair's first (0) or second (1) window at the image, or `is_copied` at a copy. */
TK_INLINE void tk_mve_point(const tk_conv_2d_mve_shape *s, const tk_mve_places *to, const int8_t *input, int second,
                            int top, int left, int is_copied, int32_t zero_point) {
    const int length = 16 * s->pieces + s->rest;
    const int parts = s->gathered ? s->runs : s->runs / s->kernel_height;
    int8_t *const window = to->windows + second * ((s->kernel_height * s->kernel_width * s->depth + 3) & ~3);
    if (is_copied) {
        tk_mve_column(s, input, window, top, left, zero_point);
    }
    const int first = (top * s->input_width + left) * s->depth;
    TK_UNROLL(4)
    for (int k = 0; k < s->runs; k++) {
        const int y = top + k / parts * s->dilation_height;
        const int is_inside = y >= 0 && y < s->input_height;
        const int at = first + k / parts * s->dilation_height * s->input_width * s->depth;
        const int8_t *const row = is_inside ? input + at : to->outside;
        const int8_t *const from = is_copied ? window + k * length : row + k % parts * length;
        if (!second) {
            to->runs[k].first = from;
            to->runs[k].step = is_inside ? 2 * s->stride_width * s->depth : 0;
        }
        to->runs[k].second = from;
    }
}

/*
 * Any window. Pixels whose windows lie between the image's left and right edge are read where they are, unless
 * `gathered`; of others the windows are copied together. scratch: runs + 1 of tk_mve_run, then two windows and a
 * kernel row, each rounded up to 4 bytes.
 */
TK_INLINE void tk_conv_2d_mve(const tk_conv_2d_mve_shape *s, const int8_t *input, int8_t *output, int32_t *scratch,
                              const int8_t *weights, int32_t output_zero_point, int32_t low, int32_t high,
                              int32_t input_zero_point) {
    const int row = s->kernel_width * s->depth;
    tk_mve_places to;
    to.runs = tk_mve_table(scratch);
    to.windows = (int8_t *)(void *)(to.runs + s->runs + 1);
    to.outside = to.windows + 2 * ((s->kernel_height * row + 3) & ~3);
    const int reach = s->input_width - s->kernel_width + s->pad_left;
    const int first_inside = (s->pad_left + s->stride_width - 1) / s->stride_width;
    const int last_inside = s->gathered || reach < 0 ? -1 : tk_minimum(reach / s->stride_width, s->output_width - 1);
    /* Gathered pixels are paired across the ends of rows. */
    const int lines = s->gathered ? 1 : s->output_height;
    const int width = s->gathered ? s->output_height * s->output_width : s->output_width;
    to.runs[s->runs].first = 0;
    if (!s->gathered) {
        tk_mve_fill(to.outside, input_zero_point, row);
    }
    for (int line = 0; line < lines; line++) {
        for (int x = 0; x < width;) {
            const int pairs = x >= first_inside ? (last_inside - x + 1) / 2 : 0;
            const int ahead = x + 1 < width;
            for (int j = 0; j <= ahead; j++) {
                const int top = (s->gathered ? (x + j) / s->output_width : line) * s->stride_height - s->pad_top;
                const int column = s->gathered ? (x + j) % s->output_width : x + j;
                const int is_copied = column < first_inside || column > last_inside;
                tk_mve_point(s, &to, input, j, top, column * s->stride_width - s->pad_left, is_copied,
                             input_zero_point);
            }
            tk_mve_stretch stretch = {to.runs,
                                      weights,
                                      {output, output + ahead * s->channels},
                                      pairs > 0 ? pairs : 1,
                                      {output_zero_point, low, high}};
            tk_mve_pairs(&stretch, s->runs, s->pieces, s->rest, s->channels, s->two_sided, s->saturated);
            const int made = pairs > 0 ? 2 * pairs : 1 + ahead;
            x += made;
            output += made * s->channels;
        }
    }
}
