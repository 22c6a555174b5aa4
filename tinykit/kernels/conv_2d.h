/* CONV_2D, portable: a block of output channels at a time, along runs of contiguous input channels. */

#include "window.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, output_channels;
    int kernel_height, kernel_width, kernel_channels;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int block;
    int down;
} tk_conv_2d_shape;

/* Where a window lies: its first tap, and the taps inside the image. */
typedef struct {
    int top, left;
    tk_span rows, columns;
} tk_window;

/* Add the zero point times the weights from `first` on, for taps outside the image, to each of `count` sums. */
TK_INLINE void tk_conv_2d_outside(int count, const TK_FLASH int8_t *weights, int stride, int length,
                                  int32_t zero_point, int32_t *sums) {
    for (int k = 0; k < count; k++) {
        sums[k] += zero_point * tk_sum_weights(weights + k * stride, length);
    }
}

/*
 * The accumulators of `count` output channels at one pixel. `bias` holds -input_zero_point * (sum of all weights)
 * already, so that inside the image no zero point is subtracted; taps outside stand for the zero point.
 */
TK_INLINE void tk_conv_2d_sums(const tk_conv_2d_shape *s, int count, const int8_t *image,
                               const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias, int32_t input_zero_point,
                               tk_window at, int32_t *sums) {
    const int channels = s->kernel_channels;
    const int row_size = s->kernel_width * channels;
    const int window = s->kernel_height * row_size;
    const int is_contiguous = s->dilation_width == 1 && channels == s->input_channels;
    for (int k = 0; k < count; k++) {
        sums[k] = bias[k];
    }
    for (int ky = 0; ky < s->kernel_height; ky++, weights += row_size) {
        if (ky < at.rows.first || ky >= at.rows.last) {
            tk_conv_2d_outside(count, weights, window, row_size, input_zero_point, sums);
            continue;
        }
        const int8_t *row = image + (at.top + ky * s->dilation_height) * s->input_width * s->input_channels;
        const int after = at.columns.last * channels;
        tk_conv_2d_outside(count, weights, window, at.columns.first * channels, input_zero_point, sums);
        if (is_contiguous) {
            tk_dot(count, row + (at.left + at.columns.first) * channels, weights + at.columns.first * channels,
                   window, after - at.columns.first * channels, sums);
        } else {
            for (int kx = at.columns.first; kx < at.columns.last; kx++) {
                tk_dot(count, row + (at.left + kx * s->dilation_width) * s->input_channels, weights + kx * channels,
                       window, channels, sums);
            }
        }
        tk_conv_2d_outside(count, weights + after, window, row_size - after, input_zero_point, sums);
    }
}

/* `count` output channels from `channel` on, at one pixel; where the window lies inside, that is known to the
 * compiler. */
TK_INLINE void tk_conv_2d_channels(const tk_conv_2d_shape *s, int count, int is_whole, const int8_t *image,
                                   int8_t *output, const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                                   const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                                   int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high,
                                   tk_window at, int channel) {
    const int window = s->kernel_height * s->kernel_width * s->kernel_channels;
    const tk_window whole = {at.top, at.left, {0, s->kernel_height}, {0, s->kernel_width}};
    int32_t sums[4];
    if (is_whole) {
        tk_conv_2d_sums(s, count, image, weights + channel * window, bias + channel, input_zero_point, whole, sums);
    } else {
        tk_conv_2d_sums(s, count, image, weights + channel * window, bias + channel, input_zero_point, at, sums);
    }
    for (int k = 0; k < count; k++) {
        output[channel + k] = tk_requantize(s->down, sums[k], multipliers[channel + k], shifts[channel + k],
                                            output_zero_point, low, high);
    }
}

/*
 * input: batches x input_height x input_width x input_channels. weights: output_channels x kernel_height x
 * kernel_width x kernel_channels. bias (zero point folded in), multipliers, shifts (right): one an output channel.
 */
TK_INLINE void tk_conv_2d(const tk_conv_2d_shape *s, const int8_t *input, int8_t *output,
                          const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                          const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                          int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
    const int padded_rows = tk_is_padded(s->pad_top, s->output_height, s->stride_height, s->kernel_height,
                                         s->dilation_height, s->input_height);
    const int padded_columns = tk_is_padded(s->pad_left, s->output_width, s->stride_width, s->kernel_width,
                                            s->dilation_width, s->input_width);
    const int groups = s->input_channels / s->kernel_channels;
    const int group_size = s->output_channels / groups;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            for (int x = 0; x < s->output_width; x++, output += s->output_channels) {
                tk_window at;
                at.top = y * s->stride_height - s->pad_top;
                at.left = x * s->stride_width - s->pad_left;
                at.rows = tk_inside(at.top, s->kernel_height, s->dilation_height, s->input_height);
                at.columns = tk_inside(at.left, s->kernel_width, s->dilation_width, s->input_width);
                const int is_whole = (!padded_rows || at.rows.last - at.rows.first == s->kernel_height) &&
                                     (!padded_columns || at.columns.last - at.columns.first == s->kernel_width);
                for (int group = 0; group < groups; group++) {
                    const int8_t *image = input + group * s->kernel_channels;
                    const int end = (group + 1) * group_size;
                    const int blocks_end = end - group_size % s->block;
                    int channel = group * group_size;
                    for (; channel < blocks_end; channel += s->block) {
                        tk_conv_2d_channels(s, s->block, is_whole, image, output, weights, bias, multipliers, shifts,
                                            input_zero_point, output_zero_point, low, high, at, channel);
                    }
                    for (; group_size % s->block != 0 && channel < end; channel++) {
                        tk_conv_2d_channels(s, 1, is_whole, image, output, weights, bias, multipliers, shifts,
                                            input_zero_point, output_zero_point, low, high, at, channel);
                    }
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}

typedef struct {
    int kernel_height, kernel_width, dilation_height, dilation_width;
    int block;
    int down;
} tk_conv_2d_any_shape;

/* The same for images of any size, one batch and one group: layers with equal windows share it. */
TK_INLINE void tk_conv_2d_any(const tk_conv_2d_any_shape *s, const int8_t *input, int8_t *output,
                              const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                              const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                              int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high,
                              int32_t input_height, int32_t input_width, int32_t input_channels,
                              int32_t output_height, int32_t output_width, int32_t output_channels,
                              int32_t stride_height, int32_t stride_width, int32_t pad_top, int32_t pad_left) {
    const tk_conv_2d_shape one = {1,
                                  (int)input_height,
                                  (int)input_width,
                                  (int)input_channels,
                                  (int)output_height,
                                  (int)output_width,
                                  (int)output_channels,
                                  s->kernel_height,
                                  s->kernel_width,
                                  (int)input_channels,
                                  (int)stride_height,
                                  (int)stride_width,
                                  s->dilation_height,
                                  s->dilation_width,
                                  (int)pad_top,
                                  (int)pad_left,
                                  s->block,
                                  s->down};
    tk_conv_2d(&one, input, output, weights, bias, multipliers, shifts, input_zero_point, output_zero_point, low,
               high);
}
