/* AVERAGE_POOL_2D and MAX_POOL_2D, portable. */

#include "values.h"
#include "window.h"

typedef struct {
    int batches, input_height, input_width, channels;
    int output_height, output_width;
    int kernel_height, kernel_width, stride_height, stride_width;
    int pad_top, pad_left;
    int type;
} tk_pool_2d_shape;

/* The mean of a window of one channel: to nearest, halves away from zero. `start` is the pixel of its first tap. */
TK_INLINE int32_t tk_window_mean(const tk_pool_2d_shape *s, const void *input, int start, int channel, tk_span rows,
                                 tk_span columns) {
    const int32_t count = (int32_t)(rows.last - rows.first) * (columns.last - columns.first);
    int32_t sum = 0;
    for (int y = rows.first; y < rows.last; y++) {
        for (int x = columns.first; x < columns.last; x++) {
            sum += tk_load(s->type, input, (start + y * s->input_width + x) * s->channels + channel);
        }
    }
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

/* The largest value of a window of one channel. */
TK_INLINE int32_t tk_window_maximum(const tk_pool_2d_shape *s, const void *input, int start, int channel,
                                    tk_span rows, tk_span columns) {
    int32_t largest = INT16_MIN;
    for (int y = rows.first; y < rows.last; y++) {
        for (int x = columns.first; x < columns.last; x++) {
            largest = tk_maximum(largest,
                                 tk_load(s->type, input, (start + y * s->input_width + x) * s->channels + channel));
        }
    }
    return largest;
}

/* Slide the window; `is_mean` is a constant. Where nothing is padded the window's size is a constant too. */
TK_INLINE void tk_pool_2d(const tk_pool_2d_shape *s, int is_mean, const void *input, void *output, int32_t low,
                          int32_t high) {
    const int is_padded =
        tk_is_padded(s->pad_top, s->output_height, s->stride_height, s->kernel_height, 1, s->input_height) ||
        tk_is_padded(s->pad_left, s->output_width, s->stride_width, s->kernel_width, 1, s->input_width);
    const tk_span all_rows = {0, s->kernel_height};
    const tk_span all_columns = {0, s->kernel_width};
    int written = 0;
    int image = 0;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const int top = y * s->stride_height - s->pad_top;
            const tk_span rows = is_padded ? tk_inside(top, s->kernel_height, 1, s->input_height) : all_rows;
            for (int x = 0; x < s->output_width; x++) {
                const int left = x * s->stride_width - s->pad_left;
                const tk_span columns = is_padded ? tk_inside(left, s->kernel_width, 1, s->input_width) : all_columns;
                const int start = image + top * s->input_width + left;
                for (int channel = 0; channel < s->channels; channel++) {
                    const int32_t value = is_mean ? tk_window_mean(s, input, start, channel, rows, columns)
                                                  : tk_window_maximum(s, input, start, channel, rows, columns);
                    tk_store(s->type, output, written++, tk_clamp(value, low, high));
                }
            }
        }
        image += s->input_height * s->input_width;
    }
}

TK_INLINE void tk_average_pool_2d(const tk_pool_2d_shape *s, const void *input, void *output, int32_t low,
                                  int32_t high) {
    tk_pool_2d(s, 1, input, output, low, high);
}

TK_INLINE void tk_max_pool_2d(const tk_pool_2d_shape *s, const void *input, void *output, int32_t low, int32_t high) {
    tk_pool_2d(s, 0, input, output, low, high);
}
