/*
 * DEPTHWISE_CONV_2D of 3 x 3 windows with Helium.
 *
 * Four rows of the image are interleaved into a strip: for each pixel and channel the values of the four rows, one a
 * byte. Four pixels of a channel are then one vector, gathered by words, which holds the windows of two pixels in
 * each of two rows: four vectors of the channel's weights give four outputs. With strides, or where one row is made,
 * each pixel has a vector of its own or shares it with its neighbour.
 *
 * Sizes are known at run time only, so that layers share the code; it costs an instruction a channel.
 *
 * Constants of a channel, 18 bytes: bias, multiplier, shift to the left, and nine weights column by column.
 */

#include "mve.h"

/* `stride` in both directions; `rows` (1 or 2) made at a time, `partial` where the last of them may be one; `rest`:
 * the outputs of a row do not divide by those made at a time. */
typedef struct {
    int stride, rows;
    int partial, rest, two_sided;
} tk_depthwise_conv_2d_mve_shape;

enum { TK_MVE_CHANNEL = 18, TK_MVE_TAPS = 16, TK_MVE_FIRST_TAP = 5, TK_MVE_OUTSIDE = 16 };

/* An image of `height` rows of `row` bytes, and its strip, behind which lie 16 bytes of padding: a row outside. */
typedef struct {
    const int8_t *input;
    int32_t height, row;
    int8_t *strip, *inside, *outside, *taps;
} tk_mve_strips;

/* Fill the strip's places beside the image. Spread the weights with zeros around: five, then columns of three and a
 * zero; so that they can be loaded moved by a row or a column. */
TK_SHARED void tk_mve_prepare_strips(const tk_mve_strips *s, const int8_t *stream, int32_t channels,
                                     int32_t zero_point) {
    int8_t *const behind = s->inside + 4 * s->row;
    tk_mve_fill(s->strip, zero_point, (int)(s->inside - s->strip));
    tk_mve_fill(behind, zero_point, (int)(s->outside - behind) + TK_MVE_OUTSIDE);
    tk_mve_fill(s->taps, 0, TK_MVE_TAPS * (channels + 1));
#if TK_MVE
    const int8_t *from = stream + 9;
    int8_t *to = s->taps + TK_MVE_FIRST_TAP;
    int32_t place = 0;
    __asm__ volatile("vidup.u8 q1, %[place], #1\n" /* i + i / 3 */
                     "vdup.8 q2, %[third]\n"
                     "vmulh.u8 q2, q1, q2\n"
                     "vadd.i8 q1, q1, q2\n"
                     "vctp.8 %[taps]\n"
                     "dls lr, %[channels]\n"
                     "1: vpstt\n"
                     "vldrbt.u8 q0, [%[from]]\n"
                     "vstrbt.8 q0, [%[to], q1]\n"
                     "add %[from], %[from], %[channel]\n"
                     "add %[to], %[to], %[spread]\n"
                     "le lr, 1b\n"
                     : [from] "+r"(from), [to] "+r"(to), [place] "+Te"(place)
                     : [third] "r"(86), [taps] "r"(9), [channels] "r"(channels), [channel] "i"(TK_MVE_CHANNEL),
                       [spread] "i"(TK_MVE_TAPS)
                     : "lr", "d0", "d1", "d2", "d3", "d4", "d5", "cc", "memory");
#else
    for (int channel = 0; channel < channels; channel++) {
        const int8_t *const from = stream + channel * TK_MVE_CHANNEL + 9;
        int8_t *const to = s->taps + channel * TK_MVE_TAPS + TK_MVE_FIRST_TAP;
        for (int x = 0; x < 3; x++) {
            TK_MVE_COPY(to + 4 * x, from + 3 * x, 3);
        }
    }
#endif
}

#if TK_MVE
/* Sixteen values of four rows, alternately. */
#define TK_MVE_STORE_ROWS                                                                                            \
    "vst40.8 {q0, q1, q2, q3}, [r8]\n"                                                                               \
    "vst41.8 {q0, q1, q2, q3}, [r8]\n"                                                                               \
    "vst42.8 {q0, q1, q2, q3}, [r8]\n"                                                                               \
    "vst43.8 {q0, q1, q2, q3}, [r8]!\n"
#endif

/* Interleave four rows from `top` on, at least 16 bytes each; what would lie below `bottom` is that row again. Rows
 * outside the image repeat their 16. */
TK_SHARED void tk_mve_interleave(const tk_mve_strips *s, int32_t top, int32_t bottom) {
    const int8_t *rows[4];
    int32_t moves[4];
    for (int k = 0; k < 4; k++) {
        const int32_t at = tk_minimum(top + k, bottom);
        const int is_inside = at >= 0 && at < s->height;
        rows[k] = is_inside ? s->input + at * s->row : s->outside;
        moves[k] = is_inside ? 16 : 0;
    }
#if TK_MVE
    const int32_t whole = s->row / 16, missing = -s->row & 15;
    int8_t *const strip = s->inside;
    __asm__ volatile(
        "ldrd r0, r1, %[first]\n"
        "ldrd r2, r3, %[third]\n"
        "ldrd r4, r5, %[move]\n"
        "ldrd r6, r7, %[later]\n"
        "ldr r8, %[strip]\n"
        "ldr r9, %[missing]\n"
        "ldr lr, %[whole]\n"
        "dls lr, lr\n"
        "and r10, r4, r5\n"
        "and r10, r10, r6\n"
        "and r10, r10, r7\n"
        "cmp r10, #0\n"
        "beq 2f\n"
        "1: vldrb.u8 q0, [r0], #16\n"
        "vldrb.u8 q1, [r1], #16\n"
        "vldrb.u8 q2, [r2], #16\n"
        "vldrb.u8 q3, [r3], #16\n" TK_MVE_STORE_ROWS "le lr, 1b\n"
        "b 3f\n"
        "2: vldrb.u8 q0, [r0]\n"
        "vldrb.u8 q1, [r1]\n"
        "vldrb.u8 q2, [r2]\n"
        "vldrb.u8 q3, [r3]\n"
        "add r0, r4\n"
        "add r1, r5\n"
        "add r2, r6\n"
        "add r3, r7\n" TK_MVE_STORE_ROWS "le lr, 2b\n"
        "3: cmp r9, #0\n"
        "beq 4f\n"
        "asr r4, #4\n"
        "asr r5, #4\n"
        "asr r6, #4\n"
        "asr r7, #4\n"
        "mls r0, r4, r9, r0\n"
        "mls r1, r5, r9, r1\n"
        "mls r2, r6, r9, r2\n"
        "mls r3, r7, r9, r3\n"
        "sub r8, r8, r9, lsl #2\n"
        "vldrb.u8 q0, [r0]\n"
        "vldrb.u8 q1, [r1]\n"
        "vldrb.u8 q2, [r2]\n"
        "vldrb.u8 q3, [r3]\n" TK_MVE_STORE_ROWS "4:\n"
        :
        : [first] "m"(*(const int8_t *const(*)[2])rows), [third] "m"(*(const int8_t *const(*)[2])(rows + 2)),
          [move] "m"(*(const int32_t(*)[2])moves), [later] "m"(*(const int32_t(*)[2])(moves + 2)), [strip] "m"(strip),
          [whole] "m"(whole), [missing] "m"(missing)
        : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "lr", "d0", "d1", "d2", "d3", "d4", "d5",
          "d6", "d7", "cc", "memory");
#else
    for (int i = 0; i < s->row; i++) {
        for (int k = 0; k < 4; k++) {
            s->inside[4 * i + k] = rows[k][moves[k] != 0 ? i : i % 16];
        }
    }
#endif
}

/* What the outputs of one or two rows are made of. Bytes: `step` of two pixels in the strip, `third` from the first
 * output to the third, `back` from a channel's end to the next one's start, in the strip and the output. */
typedef struct {
    const int8_t *strip, *taps, *end, *stream;
    int8_t *output;
    int32_t zero_point, channels, width;
    int32_t step, third, back[2];
    int32_t whole, rest;
} tk_mve_strip;

#if TK_MVE
/* Four sums as outputs. */
#define TK_MVE_FOUR_OUTPUTS                                                                                          \
    "vmov q1[2], q1[0], r0, r4\n"                                                                                    \
    "vmov q1[3], q1[1], r2, r6\n"                                                                                    \
    "vadd.i32 q1, q1, r8\n"                                                                                          \
    "vqrdmulh.s32 q1, q1, r10\n"                                                                                     \
    ".if %c[two_sided]\n"                                                                                            \
    "vshr.s32 q0, q1, #31\n"                                                                                         \
    "vadd.i32 q1, q1, q0\n"                                                                                          \
    ".endif\n"                                                                                                       \
    "vrshl.s32 q1, r12\n"                                                                                            \
    "vadd.i32 q1, q1, r9\n"                                                                                          \
    "vqmovnb.s32 q1, q1\n"                                                                                           \
    "vqmovnb.s16 q1, q1\n"

/* Two pixels in each of two rows; or four in one row, next to each other or two apart. The strip's pointer moves on.
 */
#define TK_MVE_FOUR_SUMS                                                                                             \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, r11\n"                                                                                                  \
    "vmladav.s8 r0, q0, q4\n"                                                                                        \
    ".if %c[rows] == 2\n"                                                                                            \
    "vmladav.s8 r2, q0, q6\n"                                                                                        \
    "vmladav.s8 r4, q0, q5\n"                                                                                        \
    "vmladav.s8 r6, q0, q7\n"                                                                                        \
    ".elseif %c[stride] == 1\n"                                                                                      \
    "vmladav.s8 r2, q0, q6\n"                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, r11\n"                                                                                                  \
    "vmladav.s8 r4, q0, q4\n"                                                                                        \
    "vmladav.s8 r6, q0, q6\n"                                                                                        \
    ".else\n"                                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, r11\n"                                                                                                  \
    "vmladav.s8 r2, q0, q4\n"                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, r11\n"                                                                                                  \
    "vmladav.s8 r4, q0, q4\n"                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, r11\n"                                                                                                  \
    "vmladav.s8 r6, q0, q4\n"                                                                                        \
    ".endif\n"

/* Under the predicate where `some` are not written. */
#define TK_MVE_STORE_FOUR(some)                                                                                      \
    ".if " some "\n"                                                                                                 \
    "vpst\n"                                                                                                         \
    "vstrbt.32 q1, [r3, q3]\n"                                                                                       \
    ".else\n"                                                                                                        \
    "vstrb.32 q1, [r3, q3]\n"                                                                                        \
    ".endif\n"
#endif

/* Outputs of all channels of one row or two; of two, where only `made` is one, the second is not written. */
TK_INLINE void tk_mve_strip_outputs(const tk_depthwise_conv_2d_mve_shape *s, const tk_mve_strip *strip, int made) {
#if TK_MVE
    if (__builtin_constant_p(s->stride + s->rows + made + s->rest + s->two_sided)) {
        const int32_t lanes = s->rows == 2 ? 2 * made : strip->rest;
        __asm__ volatile("ldr r9, %[zero]\n"
                         "ldr r11, %[step]\n"
                         "ldr r1, %[strip]\n"
                         "ldr r3, %[output]\n"
                         "ldr r5, %[taps]\n"
                         "ldr r7, %[stream]\n"
                         "ldr r2, %[channels]\n"
                         "ldr r4, %[third]\n"
                         "mov r0, #0\n"
                         "vidup.u32 q2, r0, #1\n"
                         "lsr r8, r11, #1\n"
                         "vmul.i32 q2, q2, r8\n"
                         "mov r0, #0\n"
                         "add r6, r4, r2\n"
                         "vmov q3[2], q3[0], r0, r4\n"
                         "vmov q3[3], q3[1], r2, r6\n"
                         ".if %c[partial] || %c[rows] == 1 && %c[has_rest]\n"
                         "ldr r0, %[lanes]\n"
                         "vctp.32 r0\n"
                         ".endif\n"
                         "1: vldrb.s8 q4, [r5, #5]\n"
                         ".if %c[stride] == 1\n"
                         "vldrb.s8 q6, [r5, #1]\n"
                         ".endif\n"
                         ".if %c[rows] == 2\n"
                         "vldrb.s8 q5, [r5, #4]\n"
                         "vldrb.s8 q7, [r5], #16\n"
                         ".else\n"
                         "add r5, #16\n"
                         ".endif\n"
                         "ldr r8, [r7], #4\n"
                         "ldr r10, [r7], #4\n"
                         "ldrsb r12, [r7], #10\n"
                         "ldr lr, %[whole]\n"
                         ".if %c[has_rest]\n"
                         "wls lr, lr, 3f\n"
                         ".else\n"
                         "dls lr, lr\n"
                         ".endif\n"
                         "2:\n" TK_MVE_FOUR_SUMS TK_MVE_FOUR_OUTPUTS TK_MVE_STORE_FOUR(
                             "%c[partial]") "add r3, r3, r11, lsr #%c[rows]\n"
                                            "le lr, 2b\n"
                                            "3:\n"
                                            ".if %c[has_rest]\n"
                                            ".if %c[rows] == 2\n"
                                            "sub r1, r1, r11, lsr #1\n"
                                            "sub r3, r3, r11, lsr #3\n"
                                            ".endif\n" TK_MVE_FOUR_SUMS TK_MVE_FOUR_OUTPUTS TK_MVE_STORE_FOUR(
                                                "%c[partial] || %c[rows] == 1") ".endif\n"
                                                                                "ldrd r0, r2, %[back]\n"
                                                                                "ldr r4, %[end]\n"
                                                                                "sub r1, r0\n"
                                                                                "sub r3, r2\n"
                                                                                "cmp r5, r4\n"
                                                                                "bne 1b\n"
                         :
                         : [strip] "m"(strip->strip), [output] "m"(strip->output), [taps] "m"(strip->taps),
                           [stream] "m"(strip->stream), [end] "m"(strip->end), [zero] "m"(strip->zero_point),
                           [channels] "m"(strip->channels), [step] "m"(strip->step), [third] "m"(strip->third),
                           [back] "m"(strip->back), [whole] "m"(strip->whole), [lanes] "m"(lanes),
                           [rows] "i"(s->rows), [stride] "i"(s->stride), [partial] "i"(made < s->rows),
                           [has_rest] "i"(s->rest), [two_sided] "i"(s->two_sided)
                         : TK_MVE_ALL);
        return;
    }
#endif
    for (int channel = 0; channel < strip->channels; channel++) {
        const int8_t *const constants = strip->stream + channel * TK_MVE_CHANNEL;
        for (int row = 0; row < made; row++) {
            for (int x = 0; x < strip->width; x++) {
                int32_t sum = tk_mve_word(constants);
                for (int k = 0; k < 9; k++) {
                    const int column = x * s->stride + k / 3;
                    sum += constants[9 + k] * strip->strip[4 * (column * strip->channels + channel) + row + k % 3];
                }
                strip->output[(row * strip->width + x) * strip->channels + channel] = tk_requantize(
                    1, sum, tk_mve_word(constants + 4), -constants[8], strip->zero_point, INT8_MIN, INT8_MAX);
            }
        }
    }
}

/* scratch: the strip, 4 bytes for each of `columns` pixels and channel; 16 bytes a channel and 32 more. */
TK_INLINE void tk_depthwise_conv_2d_mve(const tk_depthwise_conv_2d_mve_shape *s, const int8_t *input, int8_t *output,
                                        int32_t *scratch, const int8_t *stream, int32_t input_zero_point,
                                        int32_t output_zero_point, int32_t input_height, int32_t input_width,
                                        int32_t output_height, int32_t output_width, int32_t channels,
                                        int32_t pad_top, int32_t pad_left, int32_t columns) {
    int8_t *const strip = (int8_t *)(void *)scratch;
    int8_t *const outside = strip + 4 * columns * channels;
    int8_t *const taps = outside + TK_MVE_OUTSIDE;
    const tk_mve_strips image = {
        input, input_height, input_width * channels, strip, strip + 4 * pad_left * channels, outside, taps,
    };
    tk_mve_prepare_strips(&image, stream, channels, input_zero_point);
    /* Outputs of a row made at a time, and pixels of the strip that they move on by. */
    const int32_t across = 4 / s->rows, moved = s->rows == 2 ? 2 : 4 * s->stride;
    const int32_t whole = output_width / across, rest = output_width % across;
    const int32_t row = output_width * channels;
    /* Of two rows, the last vector overlaps the one before by a pixel. */
    const int32_t shared = s->rows == 2 && rest != 0;
    const int32_t read = channels * ((whole + (rest != 0)) * moved - shared);
    const int32_t written = channels * (whole * across - shared);
    const int32_t third = s->rows == 2 ? row : 2 * channels;
    for (int32_t y = 0; y < output_height; y += s->rows) {
        const int32_t top = y * s->stride - pad_top;
        tk_mve_interleave(&image, top, top + 1 + s->rows);
        const tk_mve_strip all = {
            strip,
            taps,
            taps + TK_MVE_TAPS * channels,
            stream,
            output,
            output_zero_point,
            channels,
            output_width,
            8 * channels,
            third,
            {4 * (read - 1), written - 1},
            whole,
            rest,
        };
        if (s->partial && y + 1 == output_height) {
            tk_mve_strip_outputs(s, &all, 1);
        } else {
            tk_mve_strip_outputs(s, &all, s->rows);
        }
        output += s->rows * row;
    }
}
