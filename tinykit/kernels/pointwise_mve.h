/*
 * CONV_2D with windows of one pixel, with Helium: two pixels and four output channels at a time.
 *
 * Weights as in conv_2d_mve.h, a window being one run. A layer of much work has code for its depth; others share one
 * that counts pieces, at 16 instructions instead of 14, and takes 20 instead of 15 for the rest.
 */

#include "mve_products.h"

/* Pairs of pixels. The second output lies `apart` from the first, or 0 where there is one pixel only; `step` bytes to
 * the next pair, and `skip` from the end of its first output to those of the next; the rest has 1 to 16 values where
 * it is counted. */
typedef struct {
    const int8_t *pixels[2];
    const int8_t *weights;
    int8_t *output;
    int32_t apart, pairs, step, skip, channels;
    int32_t pieces, rest;
    tk_mve_limits limits;
} tk_mve_pixels;

#if TK_MVE
#define TK_MVE_KNOWN_PRODUCTS                                                                                        \
    ".rept %c[pieces]\n"                                                                                             \
    "vldrb.s8 q0, [r3], #16\n"                                                                                       \
    "vldrb.s8 q1, [r5], #16\n" TK_MVE_PIECE ".endr\n"                                                                \
    ".if %c[rest]\n"                                                                                                 \
    "vpstt\n"                                                                                                        \
    "vldrbt.s8 q0, [r3]\n"                                                                                           \
    "vldrbt.s8 q1, [r5]\n" TK_MVE_REST ".endif\n"

#define TK_MVE_COUNTED_REST(a, b)                                                                                    \
    "vldrb.s8 q2, [r1]\n"                                                                                            \
    "add r1, r7\n"                                                                                                   \
    "vmladava.s8 " a ", q0, q2\n"                                                                                    \
    "vmladava.s8 " b ", q1, q2\n"
#define TK_MVE_COUNTED_PRODUCTS                                                                                      \
    "ldr r7, %[pieces]\n"                                                                                            \
    "cbz r7, 4f\n"                                                                                                   \
    "3: vldrb.s8 q0, [r3], #16\n"                                                                                    \
    "vldrb.s8 q1, [r5], #16\n" TK_MVE_PIECE "subs r7, #1\n"                                                          \
    "bne 3b\n"                                                                                                       \
    "4: ldr r7, %[rest]\n"                                                                                           \
    "vpstt\n"                                                                                                        \
    "vldrbt.s8 q0, [r3]\n"                                                                                           \
    "vldrbt.s8 q1, [r5]\n" TK_MVE_COUNTED_REST("r0", "r8") TK_MVE_COUNTED_REST("r2", "r10")                          \
        TK_MVE_COUNTED_REST("r4", "r12") TK_MVE_COUNTED_REST("r6", "lr")

/* r9: output; r11: the last place for four of them. q4: where two pixels' four channels go, alternately. */
#define TK_MVE_PIXELS(rest, products)                                                                                \
    TK_MVE_LIMITS_16 "ldr r2, %[apart]\n"                                                                            \
                     "ldr r9, %[output]\n"                                                                           \
                     "mov r0, #0\n"                                                                                  \
                     "vidup.u32 q4, r0, #1\n"                                                                        \
                     "mov r7, #0x10001\n"                                                                            \
                     "vmul.i32 q4, q4, r7\n"                                                                         \
                     "lsl r2, r2, #16\n"                                                                             \
                     "vadd.i32 q4, q4, r2\n" rest "vctp.8 r7\n"                                                      \
                     "1: ldr r7, %[channels]\n"                                                                      \
                     "add r11, r9, r7\n"                                                                             \
                     "subs r11, #4\n"                                                                                \
                     "ldr r1, %[weights]\n"                                                                          \
                     "2: ldrd r3, r5, %[pixels]\n"                                                                   \
                     "ldm r1, {r0, r2, r4, r6}\n"                                                                    \
                     "ldm r1!, {r8, r10, r12, lr}\n" products TK_MVE_EIGHT_OUTPUTS "adds r9, #4\n"                   \
                     "cmp r9, r11\n"                                                                                 \
                     "bls 2b\n"                                                                                      \
                     "sub r7, r9, r11\n"                                                                             \
                     "cmp r7, #4\n"                                                                                  \
                     "itt ne\n"                                                                                      \
                     "movne r9, r11\n"                                                                               \
                     "bne 2b\n"                                                                                      \
                     "ldrd r3, r5, %[pixels]\n"                                                                      \
                     "ldr r7, %[step]\n"                                                                             \
                     "ldr r0, %[pairs]\n"                                                                            \
                     "add r3, r7\n"                                                                                  \
                     "add r5, r7\n"                                                                                  \
                     "ldr r7, %[skip]\n"                                                                             \
                     "strd r3, r5, %[pixels]\n"                                                                      \
                     "add r9, r7\n"                                                                                  \
                     "subs r0, #1\n"                                                                                 \
                     "str r0, %[pairs]\n"                                                                            \
                     "bne 1b\n"
#define TK_MVE_PIXELS_OPERANDS                                                                                       \
    [pairs] "+m"(p->pairs),                                                                                          \
        [pixels] "+m"(p->pixels)                                                                                     \
        : [output] "m"(p->output), [apart] "m"(p->apart), [weights] "m"(p->weights), [channels] "m"(p->channels),    \
          [step] "m"(p->step), [skip] "m"(p->skip), [zero] "m"(p->limits.zero_point), [low] "m"(p->limits.low),      \
          [high] "m"(p->limits.high), [two_sided] "i"(two_sided), [saturated] "i"(saturated)
#endif

/* Outputs of all pairs of pixels; `two_sided` and `saturated`, as in conv_2d_mve.h, are constants, and where
 * `is_known` pieces and rest. */
TK_INLINE void tk_mve_pixel_pairs(tk_mve_pixels *p, int is_known, int pieces, int rest, int two_sided,
                                  int saturated) {
#if TK_MVE
    if (is_known && __builtin_constant_p(pieces + rest + two_sided + saturated)) {
        __asm__ volatile(TK_MVE_LONG TK_MVE_PIXELS("mov r7, #%c[rest]\n", TK_MVE_KNOWN_PRODUCTS)
                         : TK_MVE_PIXELS_OPERANDS, [pieces] "i"(pieces), [rest] "i"(rest)
                         : TK_MVE_ALL);
        return;
    }
    if (!is_known && __builtin_constant_p(two_sided + saturated)) {
        __asm__ volatile(TK_MVE_PIXELS("ldr r7, %[rest]\n", TK_MVE_COUNTED_PRODUCTS)
                         : TK_MVE_PIXELS_OPERANDS, [pieces] "m"(p->pieces), [rest] "m"(p->rest)
                         : TK_MVE_ALL);
        return;
    }
#endif
    (void)is_known;
    (void)two_sided;
    (void)saturated;
    for (int32_t pair = 0; pair < p->pairs; pair++) {
        const int8_t *w = p->weights;
        for (int32_t channel = 0; channel < p->channels; channel += 4) {
            int8_t *const to = p->output + tk_minimum(channel, p->channels - 4);
            int32_t sums[2][4];
            for (int k = 0; k < 4; k++) {
                sums[0][k] = sums[1][k] = tk_mve_word(w + 4 * k);
            }
            w += 16;
            for (int i = 0; i < 16 * pieces + rest; i++) {
                const int piece = i / 16, size = piece < pieces ? 16 : rest;
                for (int k = 0; k < 4; k++) {
                    const int32_t weight = w[64 * piece + size * k + i % 16];
                    sums[0][k] += weight * p->pixels[0][i];
                    sums[1][k] += weight * p->pixels[1][i];
                }
            }
            w += 64 * pieces + 4 * rest;
            for (int k = 0; k < 4; k++) {
                for (int j = 0; j < 2; j++) {
                    to[j * p->apart + k] = tk_requantize(1, sums[j][k], tk_mve_word(w + 4 * k), -w[16 + k],
                                                         p->limits.zero_point, p->limits.low, p->limits.high);
                }
            }
            w += 20;
        }
        p->pixels[0] += p->step;
        p->pixels[1] += p->step;
        p->output += p->channels + p->skip;
    }
}

/* Pixels of 16 * pieces + rest values that lie `pitch` apart. */
TK_INLINE void tk_mve_pixel_row(int is_known, int pieces, int rest, int two_sided, int saturated, const int8_t *input,
                                int32_t pitch, int8_t *output, const int8_t *weights, int32_t pixels,
                                int32_t channels, tk_mve_limits limits) {
    for (int32_t pixel = 0; pixel < pixels;) {
        const int32_t pairs = (pixels - pixel) / 2;
        const int32_t ahead = pairs > 0;
        const int8_t *const from = input + pixel * pitch;
        tk_mve_pixels some = {{from, from + ahead * pitch},
                              weights,
                              output + pixel * channels,
                              ahead * channels,
                              ahead ? pairs : 1,
                              2 * pitch,
                              channels,
                              channels,
                              pieces,
                              rest,
                              limits};
        tk_mve_pixel_pairs(&some, is_known, pieces, rest, two_sided, saturated);
        pixel += ahead ? 2 * pairs : 1;
    }
}

/* `two_sided`: not all that is below zero is clamped away; `saturated`: the clamp is that of int8. */
typedef struct {
    int pieces, rest;
    int two_sided, saturated;
} tk_conv_2d_mve_pointwise_shape;

/* Code for pixels of 16 * pieces + rest values. */
TK_INLINE void tk_conv_2d_mve_pointwise(const tk_conv_2d_mve_pointwise_shape *s, const int8_t *input, int8_t *output,
                                        const int8_t *weights, int32_t output_zero_point, int32_t low, int32_t high,
                                        int32_t pixels, int32_t channels) {
    const tk_mve_limits limits = {output_zero_point, low, high};
    tk_mve_pixel_row(1, s->pieces, s->rest, s->two_sided, s->saturated, input, 16 * s->pieces + s->rest, output,
                     weights, pixels, channels, limits);
}

typedef struct {
    int two_sided, saturated;
} tk_conv_2d_mve_pointwise_any_shape;

/* Code for all others: pieces from 0 on, and 1 to 16 values more. */
TK_INLINE void tk_conv_2d_mve_pointwise_any(const tk_conv_2d_mve_pointwise_any_shape *s, const int8_t *input,
                                            int8_t *output, const int8_t *weights, int32_t output_zero_point,
                                            int32_t low, int32_t high, int32_t pixels, int32_t channels,
                                            int32_t pieces, int32_t rest) {
    const tk_mve_limits limits = {output_zero_point, low, high};
    tk_mve_pixel_row(0, pieces, rest, s->two_sided, s->saturated, input, 16 * pieces + rest, output, weights, pixels,
                     channels, limits);
}
