/*
 * DEPTHWISE_CONV_2D of 3 x 3 windows with Helium.
 *
 * Four rows of the image are interleaved into a strip: for each pixel and channel the values of the four rows, one a
 * byte. Four pixels of a channel are then one vector, gathered by words, which holds the windows of two pixels in
 * each of two rows: four vectors of the channel's weights give four outputs. With strides, or where one row is made,
 * each pixel has a vector of its own or shares it with its neighbour.
 *
 * Constants of a channel, 18 bytes: bias, multiplier, shift to the left, and nine weights column by column.
 */

#include "mve.h"

typedef struct {
    int input_height, input_width, channels;
    int output_height, output_width;
    int stride_height, stride_width;
    int pad_top, pad_left;
    int rows;
    int columns;
    int two_sided;
} tk_depthwise_conv_2d_mve_shape;

enum { TK_MVE_CHANNEL = 18, TK_MVE_TAPS = 16, TK_MVE_FIRST_TAP = 5 };

/* Weights with zeros around: five, then columns of three and a zero; so that they can be loaded moved by a row or a
 * column. */
TK_INLINE void tk_mve_spread_taps(const int8_t *stream, int8_t *taps, int channels) {
    tk_mve_fill(taps, 0, TK_MVE_TAPS * (channels + 1));
    for (int channel = 0; channel < channels; channel++) {
        const int8_t *const from = stream + channel * TK_MVE_CHANNEL + 9;
        int8_t *const to = taps + channel * TK_MVE_TAPS + TK_MVE_FIRST_TAP;
        for (int x = 0; x < 3; x++) {
            TK_MVE_COPY(to + 4 * x, from + 3 * x, 3);
        }
    }
}

/* Sixteen values of four rows, alternately. */
#define TK_MVE_STORE_ROWS                                                                                            \
    "vst40.8 {q0, q1, q2, q3}, [r8]\n"                                                                               \
    "vst41.8 {q0, q1, q2, q3}, [r8]\n"                                                                               \
    "vst42.8 {q0, q1, q2, q3}, [r8]\n"                                                                               \
    "vst43.8 {q0, q1, q2, q3}, [r8]!\n"

/* Interleave `count` values (at least 16) of four rows, which move on by `moves` a vector; the fourth may be left
 * out. */
TK_INLINE void tk_mve_interleave(const int8_t *const rows[4], const int32_t moves[4], int8_t *strip, int count,
                                 int has_fourth) {
#if TK_MVE
    if (__builtin_constant_p(count + has_fourth)) {
        __asm__ volatile(
            "ldrd r0, r1, %[first]\n"
            "ldrd r2, r3, %[third]\n"
            "ldrd r4, r5, %[move]\n"
            "ldrd r6, r7, %[later]\n"
            "ldr r8, %[strip]\n"
            "movw r9, #%c[whole]\n"
            "dls lr, r9\n"
            "and r10, r4, r5\n"
            "and r10, r10, r6\n"
            ".if %c[fourth]\n"
            "and r10, r10, r7\n"
            ".endif\n"
            "cmp r10, #0\n"
            "beq 2f\n"
            "1: vldrb.u8 q0, [r0], #16\n"
            "vldrb.u8 q1, [r1], #16\n"
            "vldrb.u8 q2, [r2], #16\n"
            ".if %c[fourth]\n"
            "vldrb.u8 q3, [r3], #16\n"
            ".endif\n" TK_MVE_STORE_ROWS "le lr, 1b\n"
            "b 3f\n"
            "2: vldrb.u8 q0, [r0]\n"
            "vldrb.u8 q1, [r1]\n"
            "vldrb.u8 q2, [r2]\n"
            "add r0, r4\n"
            "add r1, r5\n"
            "add r2, r6\n"
            ".if %c[fourth]\n"
            "vldrb.u8 q3, [r3]\n"
            "add r3, r7\n"
            ".endif\n" TK_MVE_STORE_ROWS "le lr, 2b\n"
            "3:\n"
            ".if %c[rest]\n"
            "asr r4, #4\n"
            "asr r5, #4\n"
            "asr r6, #4\n"
            "asr r7, #4\n"
            "mov r9, #16 - %c[rest]\n"
            "mls r0, r4, r9, r0\n"
            "mls r1, r5, r9, r1\n"
            "mls r2, r6, r9, r2\n"
            "mls r3, r7, r9, r3\n"
            "sub r8, r8, r9, lsl #2\n"
            "vldrb.u8 q0, [r0]\n"
            "vldrb.u8 q1, [r1]\n"
            "vldrb.u8 q2, [r2]\n"
            ".if %c[fourth]\n"
            "vldrb.u8 q3, [r3]\n"
            ".endif\n" TK_MVE_STORE_ROWS ".endif\n"
            :
            : [first] "m"(*(const int8_t *const(*)[2])rows), [third] "m"(*(const int8_t *const(*)[2])(rows + 2)),
              [move] "m"(*(const int32_t(*)[2])moves), [later] "m"(*(const int32_t(*)[2])(moves + 2)),
              [strip] "m"(strip), [whole] "i"(count / 16), [rest] "i"(count % 16), [fourth] "i"(has_fourth)
            : TK_MVE_ALL);
        return;
    }
#endif
    for (int i = 0; i < count; i++) {
        for (int row = 0; row < 3 + has_fourth; row++) {
            strip[4 * i + row] = rows[row][moves[row] != 0 ? i : i % 16];
        }
    }
}

/* What the outputs of one or two rows are made of. */
typedef struct {
    const int8_t *strip, *taps, *stream;
    int8_t *output;
    int32_t zero_point;
} tk_mve_strip;

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
    "vmladav.s8 r0, q0, q4\n"                                                                                        \
    ".if %c[rows] == 2\n"                                                                                            \
    "vmladav.s8 r2, q0, q6\n"                                                                                        \
    "vmladav.s8 r4, q0, q5\n"                                                                                        \
    "vmladav.s8 r6, q0, q7\n"                                                                                        \
    ".elseif %c[stride] == 1\n"                                                                                      \
    "add r1, #8 * %c[channels]\n"                                                                                    \
    "vmladav.s8 r2, q0, q6\n"                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "vmladav.s8 r4, q0, q4\n"                                                                                        \
    "vmladav.s8 r6, q0, q6\n"                                                                                        \
    ".else\n"                                                                                                        \
    "add r1, #8 * %c[channels]\n"                                                                                    \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, #8 * %c[channels]\n"                                                                                    \
    "vmladav.s8 r2, q0, q4\n"                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "add r1, #8 * %c[channels]\n"                                                                                    \
    "vmladav.s8 r4, q0, q4\n"                                                                                        \
    "vldrw.u32 q0, [r1, q2]\n"                                                                                       \
    "vmladav.s8 r6, q0, q4\n"                                                                                        \
    ".endif\n"                                                                                                       \
    "add r1, #8 * %c[channels]\n"

/* Outputs of all channels of one row or two; of two, where `made` is 1, the second is not written. */
TK_INLINE void tk_mve_strip_outputs(const tk_depthwise_conv_2d_mve_shape *s, const tk_mve_strip *strip, int made) {
#if TK_MVE
    if (__builtin_constant_p(s->channels + s->output_width + s->output_height + s->rows + s->stride_width +
                             s->two_sided)) {
        const tk_mve_strip t = *strip;
        const int8_t *const end = t.taps + TK_MVE_TAPS * s->channels;
        const int32_t lanes = 2 * made;
        const int across = s->rows == 2 ? 2 : 4; /* pixels of a row at a time */
        const int whole = s->output_width / across, rest = s->output_width % across;
        const int step =
            s->rows == 2 ? 8 : 16 * s->stride_width; /* bytes of the strip, times channels, of four outputs */
        const int read = s->channels * (s->rows == 2 ? whole * step + (rest ? 4 : 0) : (whole + (rest > 0)) * step);
        const int written = s->channels * (whole * across - (s->rows == 2 && rest));
        __asm__ volatile("ldr r9, %[zero]\n"
                         "ldr r11, %[end]\n"
                         "ldr r1, %[strip]\n"
                         "ldr r3, %[output]\n"
                         "ldr r5, %[taps]\n"
                         "ldr r7, %[stream]\n"
                         "mov r0, #0\n"
                         "movw r8, #4 * %c[channels]\n"
                         "vidup.u32 q2, r0, #1\n"
                         "vmul.i32 q2, q2, r8\n"
                         "mov r0, #0\n"
                         "movw r2, #%c[channels]\n"
                         "movw r4, #%c[third]\n"
                         "add r6, r4, r2\n"
                         "vmov q3[2], q3[0], r0, r4\n"
                         "vmov q3[3], q3[1], r2, r6\n"
                         ".if %c[partial]\n"
                         "ldr r0, %[lanes]\n"
                         "vctp.32 r0\n"
                         ".endif\n"
                         ".if %c[rows] == 1 && %c[rest]\n"
                         "mov r0, #%c[rest]\n"
                         "vctp.32 r0\n"
                         ".endif\n"
                         "1: vldrb.s8 q4, [r5, #5]\n"
                         "vldrb.s8 q6, [r5, #1]\n"
                         ".if %c[rows] == 2\n"
                         "vldrb.s8 q5, [r5, #4]\n"
                         "vldrb.s8 q7, [r5]\n"
                         ".endif\n"
                         "add r5, #16\n"
                         "ldr r8, [r7], #4\n"
                         "ldr r10, [r7], #4\n"
                         "ldrsb r12, [r7], #10\n"
                         ".if %c[whole]\n"
                         "movw lr, #%c[whole]\n"
                         "dls lr, lr\n"
                         "2:\n" TK_MVE_FOUR_SUMS TK_MVE_FOUR_OUTPUTS ".if %c[partial]\n"
                         "vpst\n"
                         "vstrbt.32 q1, [r3, q3]\n"
                         ".else\n"
                         "vstrb.32 q1, [r3, q3]\n"
                         ".endif\n"
                         "add r3, #%c[across] * %c[channels]\n"
                         "le lr, 2b\n"
                         ".endif\n"
                         ".if %c[rest]\n"
                         ".if %c[rows] == 2\n"
                         "sub r1, #4 * %c[channels]\n"
                         "sub r3, #%c[channels]\n"
                         ".endif\n" TK_MVE_FOUR_SUMS TK_MVE_FOUR_OUTPUTS ".if %c[partial] || %c[rows] == 1\n"
                         "vpst\n"
                         "vstrbt.32 q1, [r3, q3]\n"
                         ".else\n"
                         "vstrb.32 q1, [r3, q3]\n"
                         ".endif\n"
                         ".endif\n"
                         "movw r0, #%c[read]\n"
                         "sub r1, r0\n"
                         ".if %c[written]\n"
                         "movw r2, #%c[written] - 1\n"
                         "sub r3, r2\n"
                         ".else\n"
                         "adds r3, #1\n"
                         ".endif\n"
                         "cmp r5, r11\n"
                         "bne 1b\n"
                         :
                         : [strip] "m"(t.strip), [output] "m"(t.output), [taps] "m"(t.taps), [stream] "m"(t.stream),
                           [zero] "m"(t.zero_point), [end] "m"(end), [lanes] "m"(lanes), [rows] "i"(s->rows),
                           [stride] "i"(s->stride_width), [channels] "i"(s->channels), [across] "i"(across),
                           [whole] "i"(whole), [rest] "i"(rest), [read] "i"(read - 4), [written] "i"(written),
                           [third] "i"(s->rows == 2 ? s->output_width * s->channels : 2 * s->channels),
                           [partial] "i"(s->rows == 2 && s->output_height % 2), [two_sided] "i"(s->two_sided)
                         : TK_MVE_ALL);
        return;
    }
#endif
    for (int channel = 0; channel < s->channels; channel++) {
        const int8_t *const constants = strip->stream + channel * TK_MVE_CHANNEL;
        for (int row = 0; row < made; row++) {
            for (int x = 0; x < s->output_width; x++) {
                int32_t sum = tk_mve_word(constants);
                for (int k = 0; k < 9; k++) {
                    const int column = x * s->stride_width + k / 3;
                    sum += constants[9 + k] * strip->strip[4 * (column * s->channels + channel) + row + k % 3];
                }
                strip->output[(row * s->output_width + x) * s->channels + channel] = tk_requantize(
                    1, sum, tk_mve_word(constants + 4), -constants[8], strip->zero_point, INT8_MIN, INT8_MAX);
            }
        }
    }
}

/* scratch: the strip, 4 bytes for each of `columns` pixels and channel; 16 bytes a channel and 32 more. */
TK_INLINE void tk_depthwise_conv_2d_mve(const tk_depthwise_conv_2d_mve_shape *s, const int8_t *input, int8_t *output,
                                        int32_t *scratch, const int8_t *stream, int32_t input_zero_point,
                                        int32_t output_zero_point) {
    int8_t *const strip = (int8_t *)(void *)scratch;
    const int column = 4 * s->channels;
    const int row = s->input_width * s->channels;
    int8_t *const outside = strip + s->columns * column;
    int8_t *const taps = outside + 16;
    const int right = s->pad_left + s->input_width;
    tk_mve_fill(outside, input_zero_point, 16);
    tk_mve_fill(strip, input_zero_point, s->pad_left * column);
    tk_mve_fill(strip + right * column, input_zero_point, (s->columns - right) * column);
    tk_mve_spread_taps(stream, taps, s->channels);
    for (int y = 0; y < s->output_height; y += s->rows) {
        const int8_t *rows[4];
        int32_t moves[4];
        for (int k = 0; k < 4; k++) {
            const int at = y * s->stride_height - s->pad_top + k;
            const int is_inside = at >= 0 && at < s->input_height;
            rows[k] = is_inside ? input + at * row : outside;
            moves[k] = is_inside ? 16 : 0;
        }
        tk_mve_interleave(rows, moves, strip + s->pad_left * column, row, s->rows == 2);
        const tk_mve_strip all = {strip, taps, stream, output + y * s->output_width * s->channels, output_zero_point};
        tk_mve_strip_outputs(s, &all, tk_minimum(s->rows, s->output_height - y));
    }
}
