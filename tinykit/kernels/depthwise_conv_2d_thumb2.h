/* DEPTHWISE_CONV_2D 3 x 3 for Thumb-2 cores without the DSP extension: two neighbouring outputs of a channel share
 * its weights and, where the stride is 1, two columns. */

#include "dsp.h"

typedef struct {
    int stride, block, shift, two_sided;
} tk_depthwise_conv_2d_thumb2_shape;

/* Four taps of a window's row, `step` bytes apart, or zero points where it leaves the image. */
typedef struct {
    int32_t a, b, c, d, e;
} tk_row_taps;

TK_INLINE tk_row_taps tk_load_row(int stride, const int8_t *from, int step) {
    tk_row_taps row;
    row.a = from[0];
    row.b = from[step];
    row.c = from[2 * step];
    row.d = from[3 * step];
    row.e = stride == 2 ? from[4 * step] : 0;
    return row;
}

/* `channels` of two pixels whose windows start at `from`, with `below` bytes to the next row. */
TK_INLINE void tk_depthwise_two(const tk_depthwise_conv_2d_thumb2_shape *s, const int8_t *from, int below, int step,
                                const int8_t *w, const int32_t *q, int32_t offset, int channels, int8_t *first,
                                int8_t *second) {
    for (const int8_t *end = first + channels; first != end; from++, w += 9, q += s->two_sided ? 3 : 2) {
        int32_t one = 0, two = 0;
        const int8_t *row = from;
        TK_UNROLL(3)
        for (int y = 0; y < 3; y++, row += below) {
            const tk_row_taps x = tk_load_row(s->stride, row, step);
            const int32_t a = w[3 * y], b = w[3 * y + 1], c = w[3 * y + 2];
            one += x.a * a + x.b * b + x.c * c;
            two += s->stride == 1 ? x.b * a + x.c * b + x.d * c : x.c * a + x.d * b + x.e * c;
        }
        const int32_t jump = s->two_sided ? q[2] : 0;
        *first++ = tk_requantize_dsp(s->shift, s->two_sided, q[0] + one * 256, q[1], jump, offset);
        *second++ = tk_requantize_dsp(s->shift, s->two_sided, q[0] + two * 256, q[1], jump, offset);
    }
}

/*
 * The same for windows over the image's edges, copied `block` channels at a time. The second pixel is left
 * out where there is none: it is computed all the same, into what is already read of the window.
 */
TK_INLINE void tk_depthwise_two_padded(const tk_depthwise_conv_2d_thumb2_shape *s, const int8_t *input, int height,
                                       int width, int depth, int top, int left, int zero_point, int8_t *window,
                                       const int8_t *w, const int32_t *q, int32_t offset, int8_t *output,
                                       int is_last) {
    const int columns = 3 + s->stride, step = s->block;
    for (int first = 0; first < depth; first += step) {
        const int count = (int)tk_minimum(depth - first, step);
        int8_t *to = window;
        for (int i = top; i < top + 3; i++) {
            for (int j = left; j < left + columns; j++, to += step) {
                if (i >= 0 && i < height && j >= 0 && j < width) {
                    tk_copy_run(to, input + (i * width + j) * depth + first, count);
                } else {
                    tk_fill_run(to, zero_point, count);
                }
            }
        }
        to = output + first;
        tk_depthwise_two(s, window, columns * step, step, w, q, offset, count, to, is_last ? window : to + depth);
        w += 9 * count;
        q += (s->two_sided ? 3 : 2) * count;
    }
}

/*
 * weights: nine a channel; parameters: bias', multiplier(, jump) of each. window: room for TK_DEPTHWISE_BLOCK
 * channels of three rows of as many pixels as two outputs need.
 */
TK_INLINE void tk_depthwise_conv_2d_thumb2(const tk_depthwise_conv_2d_thumb2_shape *s, const int8_t *input,
                                           int8_t *output, int8_t *window, const int8_t *weights,
                                           const int32_t *parameters, int32_t offset, int32_t zero_point,
                                           int32_t input_height, int32_t input_width, int32_t channels,
                                           int32_t output_height, int32_t output_width, int32_t pad_top,
                                           int32_t pad_left) {
    const int columns = 3 + s->stride, depth = (int)channels, below = (int)input_width * depth;
    for (int y = 0; y < output_height; y++) {
        const int top = y * s->stride - (int)pad_top;
        for (int x = 0; x < output_width; x += 2, output += 2 * depth) {
            const int left = x * s->stride - (int)pad_left, is_last = x + 1 == output_width;
            if (top >= 0 && top + 3 <= input_height && left >= 0 && left + columns <= input_width && !is_last) {
                tk_depthwise_two(s, input + top * below + left * depth, below, depth, weights, parameters, offset,
                                 depth, output, output + depth);
            } else {
                tk_depthwise_two_padded(s, input, (int)input_height, (int)input_width, depth, top, left,
                                        (int)zero_point, window, weights, parameters, offset, output, is_last);
            }
        }
        output -= output_width % 2 * depth;
    }
}
