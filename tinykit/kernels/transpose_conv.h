/* TRANSPOSE_CONV, portable: each output value gathers the input values whose windows reach it. */

#include "wide.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, output_channels;
    int kernel_height, kernel_width;
    int stride_height, stride_width;
    int pad_top, pad_left;
    int has_one_scale, has_short_multiplier, wide;
    int down;
} tk_transpose_conv_shape;

/* The taps along an axis that lie on an input value, for the output at `place` (padding added): first, last. */
TK_INLINE tk_span tk_reaching(int place, int stride, int taps, int size) {
    tk_span span;
    span.first = place % stride;
    const int least = place - (size - 1) * stride;
    if (span.first < least) {
        span.first = least;
    }
    span.last = place < taps - 1 ? place : taps - 1;
    return span;
}

TK_INLINE int32_t tk_dot_offset(const int8_t *values, int32_t zero_point, const TK_FLASH int8_t *weights, int length,
                                int32_t sum) {
    for (int i = 0; i < length; i++) {
        sum += (values[i] - zero_point) * weights[i];
    }
    return sum;
}

/* weights: output_channels x kernel_height x kernel_width x input_channels. */
TK_INLINE void tk_transpose_conv(const tk_transpose_conv_shape *s, const int8_t *input, int8_t *output,
                                 const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                                 const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                                 int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = s->pad_top; y < s->output_height + s->pad_top; y++) {
            const tk_span rows = tk_reaching(y, s->stride_height, s->kernel_height, s->input_height);
            for (int x = s->pad_left; x < s->output_width + s->pad_left; x++) {
                const tk_span columns = tk_reaching(x, s->stride_width, s->kernel_width, s->input_width);
                const TK_FLASH int8_t *filter = weights;
                for (int channel = 0; channel < s->output_channels; channel++) {
                    int32_t sum = bias[channel];
                    for (int ky = rows.first; ky <= rows.last; ky += s->stride_height) {
                        const int8_t *row = input + (y - ky) / s->stride_height * s->input_width * s->input_channels;
                        for (int kx = columns.first; kx <= columns.last; kx += s->stride_width) {
                            sum = tk_dot_offset(
                                row + (x - kx) / s->stride_width * s->input_channels, input_zero_point,
                                filter + (ky * s->kernel_width + kx) * s->input_channels, s->input_channels, sum);
                        }
                    }
                    *output++ = tk_requantize(s->down, sum, multipliers[channel], shifts[channel], output_zero_point,
                                              low, high);
                    filter += s->kernel_height * s->kernel_width * s->input_channels;
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}

/* The same of int16 values; multipliers and shifts may be one for all channels. */
TK_INLINE void tk_transpose_conv_int16(const tk_transpose_conv_shape *s, const int16_t *input, int16_t *output,
                                       const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                                       const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                                       int32_t low, int32_t high) {
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = s->pad_top; y < s->output_height + s->pad_top; y++) {
            const tk_span rows = tk_reaching(y, s->stride_height, s->kernel_height, s->input_height);
            for (int x = s->pad_left; x < s->output_width + s->pad_left; x++) {
                const tk_span columns = tk_reaching(x, s->stride_width, s->kernel_width, s->input_width);
                const TK_FLASH int8_t *filter = weights;
                for (int channel = 0; channel < s->output_channels; channel++) {
                    const int scale = s->has_one_scale ? 0 : channel;
                    int64_t sum = tk_wide_bias(s->wide, bias, channel);
                    for (int ky = rows.first; ky <= rows.last; ky += s->stride_height) {
                        const int16_t *row = input + (y - ky) / s->stride_height * s->input_width * s->input_channels;
                        for (int kx = columns.first; kx <= columns.last; kx += s->stride_width) {
                            sum = tk_wide_dot(s->wide, row + (x - kx) / s->stride_width * s->input_channels, 1,
                                              filter + (ky * s->kernel_width + kx) * s->input_channels,
                                              s->input_channels, sum);
                        }
                    }
                    *output++ = tk_wide_requantize(s->has_short_multiplier, sum, multipliers[scale], shifts[scale],
                                                   low, high);
                    filter += s->kernel_height * s->kernel_width * s->input_channels;
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}
