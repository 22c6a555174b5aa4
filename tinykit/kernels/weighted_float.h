/* CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV of float32, portable: one output value at a time. */

#include "floats.h"
#include "window.h"

typedef struct {
    int batches, input_height, input_width, input_channels;
    int output_height, output_width, output_channels;
    int kernel_height, kernel_width;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
    int groups;
} tk_weighted_float_shape;

/* weights: output_channels x kernel_height x kernel_width x (input_channels / groups). */
TK_INLINE void tk_conv_2d_float(const tk_weighted_float_shape *s, const float *input, float *output,
                                const TK_FLASH float *weights, const TK_FLASH float *bias,
                                const TK_FLASH float *limits) {
    const int depth = s->input_channels / s->groups;
    const int filters = s->output_channels / s->groups;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = tk_inside(top, s->kernel_height, s->dilation_height, s->input_height);
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = tk_inside(left, s->kernel_width, s->dilation_width, s->input_width);
                const TK_FLASH float *filter = weights;
                for (int channel = 0; channel < s->output_channels; channel++) {
                    const int first = channel / filters * depth;
                    float sum = 0.0f;
                    for (int ky = rows.first; ky < rows.last; ky++) {
                        for (int kx = columns.first; kx < columns.last; kx++) {
                            const int pixel =
                                (top + ky * s->dilation_height) * s->input_width + left + kx * s->dilation_width;
                            sum = tk_dot_float(input + pixel * s->input_channels + first,
                                               filter + (ky * s->kernel_width + kx) * depth, depth, sum);
                        }
                    }
                    *output++ = tk_clamp_float(sum + bias[channel], limits);
                    filter += s->kernel_height * s->kernel_width * depth;
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}

/* weights: kernel_height x kernel_width x output_channels. */
TK_INLINE void tk_depthwise_conv_2d_float(const tk_weighted_float_shape *s, const float *input, float *output,
                                          const TK_FLASH float *weights, const TK_FLASH float *bias,
                                          const TK_FLASH float *limits) {
    const int multiplier = s->output_channels / s->input_channels;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = tk_inside(top, s->kernel_height, s->dilation_height, s->input_height);
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = tk_inside(left, s->kernel_width, s->dilation_width, s->input_width);
                for (int channel = 0; channel < s->output_channels; channel++) {
                    float sum = 0.0f;
                    for (int ky = rows.first; ky < rows.last; ky++) {
                        for (int kx = columns.first; kx < columns.last; kx++) {
                            const int pixel =
                                (top + ky * s->dilation_height) * s->input_width + left + kx * s->dilation_width;
                            sum += tk_product(input[pixel * s->input_channels + channel / multiplier],
                                              weights[(ky * s->kernel_width + kx) * s->output_channels + channel]);
                        }
                    }
                    *output++ = tk_clamp_float(sum + bias[channel], limits);
                }
            }
        }
        input += s->input_height * s->input_width * s->input_channels;
    }
}

/* The inputs along an axis whose windows reach the output at `place` (padding added): first to last - 1. */
TK_INLINE tk_span tk_sources(int place, int stride, int taps, int size) {
    tk_span span;
    span.first = place < taps ? 0 : (place - taps) / stride + 1;
    span.last = place / stride < size ? place / stride + 1 : size;
    return span;
}

/* As CONV_2D's weights. Inputs are taken in their own order, as TFLM adds each of them to all outputs that it
 * reaches. */
TK_INLINE void tk_transpose_conv_float(const tk_weighted_float_shape *s, const float *input, float *output,
                                       const TK_FLASH float *weights, const TK_FLASH float *bias,
                                       const TK_FLASH float *limits) {
    const int depth = s->input_channels;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = s->pad_top; y < s->output_height + s->pad_top; y++) {
            const tk_span rows = tk_sources(y, s->stride_height, s->kernel_height, s->input_height);
            for (int x = s->pad_left; x < s->output_width + s->pad_left; x++) {
                const tk_span columns = tk_sources(x, s->stride_width, s->kernel_width, s->input_width);
                const TK_FLASH float *filter = weights;
                for (int channel = 0; channel < s->output_channels; channel++) {
                    float sum = 0.0f;
                    for (int row = rows.first; row < rows.last; row++) {
                        const int ky = y - row * s->stride_height;
                        for (int column = columns.first; column < columns.last; column++) {
                            const int kx = x - column * s->stride_width;
                            sum = tk_dot_float(input + (row * s->input_width + column) * depth,
                                               filter + (ky * s->kernel_width + kx) * depth, depth, sum);
                        }
                    }
                    *output++ = tk_clamp_float(sum + bias[channel], limits);
                    filter += s->kernel_height * s->kernel_width * depth;
                }
            }
        }
        input += s->input_height * s->input_width * depth;
    }
}
