/* DEPTHWISE_CONV_2D, portable: one output value at a time. */

#include "window.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, depth_multiplier;
    int kernel_height, kernel_width;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int down;
} tk_depthwise_conv_2d_shape;

/* One accumulator of a window that lies inside the image; `image` is its first tap. */
TK_INLINE int32_t tk_depthwise_inside(const tk_depthwise_conv_2d_shape *s, const int8_t *image,
                                      const TK_FLASH int8_t *weights, int32_t sum) {
    TK_UNROLL(4)
    for (int ky = 0; ky < s->kernel_height; ky++) {
        const int8_t *tap = image + ky * s->dilation_height * s->input_width * s->input_channels;
        TK_UNROLL(4)
        for (int kx = 0; kx < s->kernel_width; kx++) {
            sum += tap[kx * s->dilation_width * s->input_channels] * *weights++;
        }
    }
    return sum;
}

/* One accumulator of a window that reaches over the edge: all taps as the zero point, then those inside corrected. */
TK_INLINE int32_t tk_depthwise_edge(const tk_depthwise_conv_2d_shape *s, const int8_t *image,
                                    const TK_FLASH int8_t *weights, int32_t sum, int32_t input_zero_point, int top,
                                    int left, tk_span rows, tk_span columns) {
    int32_t total = 0;
    TK_UNROLL(16)
    for (int k = 0; k < s->kernel_height * s->kernel_width; k++) {
        total += weights[k];
    }
    sum += input_zero_point * total;
    for (int ky = rows.first; ky < rows.last; ky++) {
        const int first = (top + ky * s->dilation_height) * s->input_width + left;
        for (int kx = columns.first; kx < columns.last; kx++) {
            const int32_t value = image[(first + kx * s->dilation_width) * s->input_channels];
            sum += (value - input_zero_point) * weights[ky * s->kernel_width + kx];
        }
    }
    return sum;
}

/*
 * weights: output channel x kernel_height x kernel_width. bias has -input_zero_point * (sum of the channel's
 * weights) folded in; multipliers and shifts (right): one an output channel.
 */
TK_INLINE void tk_depthwise_conv_2d(const tk_depthwise_conv_2d_shape *s, const int8_t *input, int8_t *output,
                                    const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                                    const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                                    int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
    const int padded_rows = tk_is_padded(s->pad_top, s->output_height, s->stride_height, s->kernel_height,
                                         s->dilation_height, s->input_height);
    const int padded_columns = tk_is_padded(s->pad_left, s->output_width, s->stride_width, s->kernel_width,
                                            s->dilation_width, s->input_width);
    const int taps = s->kernel_height * s->kernel_width;
    const int output_channels = s->input_channels * s->depth_multiplier;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = tk_inside(top, s->kernel_height, s->dilation_height, s->input_height);
            const int whole_rows = !padded_rows || rows.last - rows.first == s->kernel_height;
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = tk_inside(left, s->kernel_width, s->dilation_width, s->input_width);
                const int is_whole =
                    whole_rows && (!padded_columns || columns.last - columns.first == s->kernel_width);
                const int first_tap = (top * s->input_width + left) * s->input_channels;
                for (int channel = 0; channel < output_channels; channel++) {
                    const int8_t *image = input + channel / s->depth_multiplier;
                    const TK_FLASH int8_t *filter = weights + channel * taps;
                    const int32_t sum = is_whole ? tk_depthwise_inside(s, image + first_tap, filter, bias[channel])
                                                 : tk_depthwise_edge(s, image, filter, bias[channel],
                                                                     input_zero_point, top, left, rows, columns);
                    *output++ = tk_requantize(s->down, sum, multipliers[channel], shifts[channel], output_zero_point,
                                              low, high);
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}

typedef struct {
    int kernel_height, kernel_width, dilation_height, dilation_width;
    int down;
} tk_depthwise_conv_2d_any_shape;

/* The same for images of any size, one batch and one output a channel: layers with equal windows share it. */
TK_INLINE void tk_depthwise_conv_2d_any(const tk_depthwise_conv_2d_any_shape *s, const int8_t *input, int8_t *output,
                                        const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                                        const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                                        int32_t input_zero_point, int32_t output_zero_point, int32_t low,
                                        int32_t high, int32_t input_height, int32_t input_width, int32_t channels,
                                        int32_t output_height, int32_t output_width, int32_t stride_height,
                                        int32_t stride_width, int32_t pad_top, int32_t pad_left) {
    const tk_depthwise_conv_2d_shape one = {1,
                                            (int)input_height,
                                            (int)input_width,
                                            (int)channels,
                                            (int)output_height,
                                            (int)output_width,
                                            1,
                                            s->kernel_height,
                                            s->kernel_width,
                                            (int)stride_height,
                                            (int)stride_width,
                                            s->dilation_height,
                                            s->dilation_width,
                                            (int)pad_top,
                                            (int)pad_left,
                                            s->down};
    tk_depthwise_conv_2d(&one, input, output, weights, bias, multipliers, shifts, input_zero_point, output_zero_point,
                         low, high);
}
