/* CONV_2D, portable: one output value at a time, along runs of contiguous channels. */

#include "window.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, output_channels;
    int kernel_height, kernel_width, kernel_channels;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int down;
} tk_conv_2d_shape;

/*
 * One accumulator. `bias` holds -input_zero_point * (sum of all weights) already, so that inside the image no
 * zero point is subtracted; taps outside stand for the zero point.
 */
TK_INLINE int32_t tk_conv_2d_sum(const tk_conv_2d_shape *s, const int8_t *image, const int8_t *weights, int32_t bias,
                                 int32_t input_zero_point, int top, int left, tk_span rows, tk_span columns) {
    const int channels = s->kernel_channels;
    const int row_size = s->kernel_width * channels;
    const int is_contiguous = s->dilation_width == 1 && channels == s->input_channels;
    int32_t sum = bias;
    for (int ky = 0; ky < s->kernel_height; ky++, weights += row_size) {
        if (ky < rows.first || ky >= rows.last) {
            sum += input_zero_point * tk_sum(weights, row_size);
            continue;
        }
        const int8_t *row = image + (top + ky * s->dilation_height) * s->input_width * s->input_channels;
        sum += input_zero_point * tk_sum(weights, columns.first * channels);
        if (is_contiguous) {
            sum = tk_dot(row + (left + columns.first) * channels, weights + columns.first * channels,
                         (columns.last - columns.first) * channels, sum);
        } else {
            for (int kx = columns.first; kx < columns.last; kx++) {
                sum = tk_dot(row + (left + kx * s->dilation_width) * s->input_channels, weights + kx * channels,
                             channels, sum);
            }
        }
        sum +=
            input_zero_point * tk_sum(weights + columns.last * channels, (s->kernel_width - columns.last) * channels);
    }
    return sum;
}

/*
 * input: batches x input_height x input_width x input_channels. weights: output_channels x kernel_height x
 * kernel_width x kernel_channels. bias (zero point folded in), multipliers, shifts (right): one an output
 * channel.
 */
TK_INLINE void tk_conv_2d(const tk_conv_2d_shape *s, const int8_t *input, int8_t *output, const int8_t *weights,
                          const int32_t *bias, const int32_t *multipliers, const int8_t *shifts,
                          int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
    const int padded_rows = tk_is_padded(s->pad_top, s->output_height, s->stride_height, s->kernel_height,
                                         s->dilation_height, s->input_height);
    const int padded_columns = tk_is_padded(s->pad_left, s->output_width, s->stride_width, s->kernel_width,
                                            s->dilation_width, s->input_width);
    const int window = s->kernel_height * s->kernel_width * s->kernel_channels;
    const int group_size = s->output_channels / (s->input_channels / s->kernel_channels);
    const tk_span all_rows = {0, s->kernel_height};
    const tk_span all_columns = {0, s->kernel_width};
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows =
                padded_rows ? tk_inside(top, s->kernel_height, s->dilation_height, s->input_height) : all_rows;
            const int whole_rows = rows.last - rows.first == s->kernel_height;
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = padded_columns
                                            ? tk_inside(left, s->kernel_width, s->dilation_width, s->input_width)
                                            : all_columns;
                const int is_whole = whole_rows && columns.last - columns.first == s->kernel_width;
                for (int channel = 0; channel < s->output_channels; channel++) {
                    const int8_t *image = input + channel / group_size * s->kernel_channels;
                    const int8_t *filter = weights + channel * window;
                    const int32_t sum = is_whole ? tk_conv_2d_sum(s, image, filter, bias[channel], input_zero_point,
                                                                  top, left, all_rows, all_columns)
                                                 : tk_conv_2d_sum(s, image, filter, bias[channel], input_zero_point,
                                                                  top, left, rows, columns);
                    *output++ = tk_requantize(s->down, sum, multipliers[channel], shifts[channel], output_zero_point,
                                              low, high);
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}
