/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED with weights of four bits, for the least flash. */

#include "window.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, output_channels;
    int kernel_height, kernel_width, kernel_channels;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int has_one_scale, down;
} tk_conv_int4_shape;

/* Weight number i of two in a byte, the first in the lower half. */
TK_INLINE int32_t tk_int4(const TK_FLASH uint8_t *weights, int i) {
    const int32_t half = i & 1 ? weights[i >> 1] >> 4 : weights[i >> 1] & 15;
    return half > 7 ? half - 16 : half;
}

/* weights: output_channels x kernel_height x kernel_width x kernel_channels, those of a group; else as conv_int16.h.
 */
TK_INLINE void tk_conv_int4(const tk_conv_int4_shape *s, const int8_t *input, int8_t *output,
                            const TK_FLASH uint8_t *weights, const TK_FLASH int32_t *bias,
                            const TK_FLASH int32_t *multipliers, const TK_FLASH int8_t *shifts,
                            int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
    const int channels = s->kernel_channels;
    const int filter = s->kernel_height * s->kernel_width * channels;
    const int group_size = s->output_channels / (s->input_channels / channels);
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = tk_inside(top, s->kernel_height, s->dilation_height, s->input_height);
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = tk_inside(left, s->kernel_width, s->dilation_width, s->input_width);
                for (int channel = 0; channel < s->output_channels; channel++) {
                    const int8_t *image = input + channel / group_size * channels;
                    const int scale = s->has_one_scale ? 0 : channel;
                    int32_t sum = bias[channel];
                    for (int ky = rows.first; ky < rows.last; ky++) {
                        for (int kx = columns.first; kx < columns.last; kx++) {
                            const int pixel =
                                (top + ky * s->dilation_height) * s->input_width + left + kx * s->dilation_width;
                            const int tap = channel * filter + (ky * s->kernel_width + kx) * channels;
                            for (int c = 0; c < channels; c++) {
                                sum += (image[pixel * s->input_channels + c] - input_zero_point) *
                                       tk_int4(weights, tap + c);
                            }
                        }
                    }
                    *output++ =
                        tk_requantize(s->down, sum, multipliers[scale], shifts[scale], output_zero_point, low, high);
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}
