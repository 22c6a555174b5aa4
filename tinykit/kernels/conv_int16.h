/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of int16 values and int8 weights, portable. */

#include "wide.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, output_channels;
    int kernel_height, kernel_width, kernel_channels;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int has_one_scale, has_short_multiplier, wide;
} tk_conv_int16_shape;

/* One sum; `image` is the first tap of the window, which may lie outside. Taps outside add nothing. */
TK_INLINE int64_t tk_conv_int16_sum(const tk_conv_int16_shape *s, const int16_t *image,
                                    const TK_FLASH int8_t *weights, tk_span rows, tk_span columns, int first_tap,
                                    int64_t sum) {
    const int channels = s->kernel_channels;
    const int is_contiguous = s->dilation_width == 1 && channels == s->input_channels;
    for (int ky = rows.first; ky < rows.last; ky++) {
        const int row = first_tap + ky * s->dilation_height * s->input_width * s->input_channels;
        const TK_FLASH int8_t *taps = weights + ky * s->kernel_width * channels;
        if (is_contiguous) {
            sum = tk_wide_dot(s->wide, image + row + columns.first * channels, 1, taps + columns.first * channels,
                              (columns.last - columns.first) * channels, sum);
            continue;
        }
        for (int kx = columns.first; kx < columns.last; kx++) {
            sum = tk_wide_dot(s->wide, image + row + kx * s->dilation_width * s->input_channels, 1,
                              taps + kx * channels, channels, sum);
        }
    }
    return sum;
}

/*
 * weights: output_channels x kernel_height x kernel_width x kernel_channels, kernel_channels being those of a group.
 * Multipliers and shifts (right): one an output channel, or one for all.
 */
TK_INLINE void tk_conv_int16(const tk_conv_int16_shape *s, const int16_t *input, int16_t *output,
                             const TK_FLASH int8_t *weights, const TK_FLASH int32_t *bias,
                             const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts, int32_t low,
                             int32_t high) {
    const int filter = s->kernel_height * s->kernel_width * s->kernel_channels;
    const int group_size = s->output_channels / (s->input_channels / s->kernel_channels);
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = tk_inside(top, s->kernel_height, s->dilation_height, s->input_height);
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = tk_inside(left, s->kernel_width, s->dilation_width, s->input_width);
                const int first_tap = (top * s->input_width + left) * s->input_channels;
                for (int channel = 0; channel < s->output_channels; channel++) {
                    const int16_t *image = input + channel / group_size * s->kernel_channels;
                    const int scale = s->has_one_scale ? 0 : channel;
                    const int64_t sum = tk_conv_int16_sum(s, image, weights + channel * filter, rows, columns,
                                                          first_tap, tk_wide_bias(s->wide, bias, channel));
                    *output++ = tk_wide_requantize(s->has_short_multiplier, sum, multipliers[scale], shifts[scale],
                                                   low, high);
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}
