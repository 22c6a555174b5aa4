/*
 * CONV_2D of few input channels with Helium: the rows of the image that a row of outputs needs are interleaved into a
 * strip, the values of a column of the window side by side. A window is then one run, as a pixel is in
 * pointwise_mve.h, and windows next to each other share their columns.
 *
 * Weights as there, column by column. Where the outputs of a row are odd, pairs are of two rows, each with a strip.
 */

#include "pointwise_mve.h"

/* `depth` input channels; `rows` (1 or 2) made at a time; a window has 16 * pieces + rest values. */
typedef struct {
    int depth, rows;
    int pieces, rest;
    int two_sided, saturated;
} tk_conv_2d_mve_strip_shape;

/* Spread `count` vectors of `size` values, and `left` values more, to `offsets`; from one to the next they move on by
 * `read` and `written`. */
TK_INLINE void tk_mve_spread(const int8_t *from, int8_t *to, const uint8_t offsets[16], int32_t count, int32_t size,
                             int32_t left, int32_t read, int32_t written) {
#if TK_MVE
    __asm__ volatile("vldrb.u8 q1, [%[offsets]]\n"
                     "vctp.8 %[size]\n"
                     "wls lr, %[count], 2f\n"
                     "1: vpstt\n"
                     "vldrbt.u8 q0, [%[from]]\n"
                     "vstrbt.8 q0, [%[to], q1]\n"
                     "add %[from], %[read]\n"
                     "add %[to], %[written]\n"
                     "le lr, 1b\n"
                     "2: vctp.8 %[left]\n"
                     "vpstt\n"
                     "vldrbt.u8 q0, [%[from]]\n"
                     "vstrbt.8 q0, [%[to], q1]\n"
                     : [from] "+r"(from), [to] "+r"(to)
                     : [offsets] "r"(offsets), [count] "r"(count), [size] "r"(size), [left] "r"(left),
                       [read] "r"(read), [written] "r"(written)
                     : "lr", "d0", "d1", "d2", "d3", "cc", "memory");
#else
    for (int32_t k = 0; k <= count; k++, from += read, to += written) {
        for (int32_t i = 0; i < (k < count ? size : left); i++) {
            to[offsets[i]] = from[i];
        }
    }
#endif
}

/* scratch: 16 bytes, then for each of `rows` a strip of kernel_height * depth bytes for each of `columns`. */
TK_INLINE void tk_conv_2d_mve_strip(const tk_conv_2d_mve_strip_shape *s, const int8_t *input, int8_t *output,
                                    int32_t *scratch, const int8_t *weights, int32_t output_zero_point, int32_t low,
                                    int32_t high, int32_t input_zero_point, int32_t input_height, int32_t input_width,
                                    int32_t output_height, int32_t output_width, int32_t channels,
                                    int32_t kernel_height, int32_t stride_height, int32_t stride_width,
                                    int32_t dilation_height, int32_t pad_top, int32_t pad_left, int32_t columns) {
    int8_t *const outside = (int8_t *)(void *)scratch, *const strips = outside + 16;
    const int32_t column = kernel_height * s->depth;
    const int32_t pixels = 16 / s->depth, size = pixels * s->depth;
    const int32_t used = s->depth * tk_minimum(input_width, columns - pad_left);
    const int32_t row = output_width * channels;
    const tk_mve_limits limits = {output_zero_point, low, high};
    uint8_t offsets[16];
    for (int i = 0; i < 16; i++) {
        offsets[i] = (uint8_t)(i / s->depth * column + i % s->depth);
    }
    tk_mve_fill(outside, input_zero_point, 16 + s->rows * columns * column);
    for (int32_t y = 0; y < output_height; y += s->rows) {
        const int32_t made = tk_minimum(s->rows, output_height - y);
        for (int32_t k = 0; k < made; k++) {
            int32_t at = (y + k) * stride_height - pad_top;
            int8_t *to = strips + (k * columns + pad_left) * column;
            for (int32_t ky = 0; ky < kernel_height; ky++, at += dilation_height, to += s->depth) {
                const int is_inside = at >= 0 && at < input_height;
                tk_mve_spread(is_inside ? input + at * input_width * s->depth : outside, to, offsets, used / size,
                              size, used % size, is_inside ? size : 0, pixels * column);
            }
        }
        if (s->rows == 1) {
            tk_mve_pixel_row(1, s->pieces, s->rest, s->two_sided, s->saturated, strips, stride_width * column, output,
                             weights, output_width, channels, limits);
        } else {
            tk_mve_pixels both = {{strips, strips + (made - 1) * columns * column},
                                  weights,
                                  output,
                                  (made - 1) * row,
                                  output_width,
                                  stride_width * column,
                                  0,
                                  channels,
                                  s->pieces,
                                  s->rest,
                                  limits};
            tk_mve_pixel_pairs(&both, 1, s->pieces, s->rest, s->two_sided, s->saturated);
        }
        output += s->rows * row;
    }
}
