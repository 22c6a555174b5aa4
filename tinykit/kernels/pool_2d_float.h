/* AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D of float32, portable: one output value at a time. */

#include "floats.h"
#include "window.h"

#include <float.h>
#include <math.h>

enum { TK_POOL_AVERAGE, TK_POOL_MAXIMUM, TK_POOL_L2 };

typedef struct {
    int batches, input_height, input_width, channels;
    int output_height, output_width;
    int kernel_height, kernel_width, stride_height, stride_width;
    int pad_top, pad_left;
    int operation;
} tk_pool_2d_float_shape;

/* What `height` times `width` values of one channel, from `start` on, come to. A maximum passes over NaN. */
TK_INLINE float tk_pool_window(const tk_pool_2d_float_shape *s, const float *start, int height, int width) {
    float found = s->operation == TK_POOL_MAXIMUM ? -FLT_MAX : 0.0f;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const float value = start[(y * s->input_width + x) * s->channels];
            if (s->operation == TK_POOL_MAXIMUM) {
                found = found < value ? value : found;
            } else {
                found += s->operation == TK_POOL_L2 ? tk_product(value, value) : value;
            }
        }
    }
    const float count = (float)(height * width);
    switch (s->operation) {
    case TK_POOL_AVERAGE:
        return found / count;
    case TK_POOL_L2:
        return sqrtf(found / count);
    default:
        return found;
    }
}

TK_INLINE void tk_pool_2d_float(const tk_pool_2d_float_shape *s, const float *input, float *output,
                                const TK_FLASH float *limits) {
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = tk_inside(top, s->kernel_height, 1, s->input_height);
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = tk_inside(left, s->kernel_width, 1, s->input_width);
                const float *inside =
                    input + ((top + rows.first) * s->input_width + left + columns.first) * s->channels;
                const int height = rows.last - rows.first;
                const int width = columns.last - columns.first;
                for (int channel = 0; channel < s->channels; channel++) {
                    *output++ = tk_clamp_float(tk_pool_window(s, inside + channel, height, width), limits);
                }
            }
        }
        input += s->input_height * s->input_width * s->channels;
    }
}
