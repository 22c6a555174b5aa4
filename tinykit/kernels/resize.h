/* Resizing images by tables of where each row and column comes from, portable. */

#include "floats.h"

#include <string.h>

typedef struct {
    int batches, input_height, input_width, output_height, output_width, bytes;
} tk_resize_nearest_shape;

/* `rows` and `columns`: of the input, for each of the output. A pixel is `bytes` long. */
TK_INLINE void tk_resize_nearest(const tk_resize_nearest_shape *s, const unsigned char *input, unsigned char *output,
                                 const int16_t *rows, const int16_t *columns) {
    const size_t bytes = (size_t)s->bytes;
    for (int batch = 0; batch < s->batches; batch++) {
        for (int y = 0; y < s->output_height; y++) {
            const unsigned char *row = input + (batch * s->input_height + rows[y]) * s->input_width * s->bytes;
            for (int x = 0; x < s->output_width; x++) {
                memcpy(output, row + columns[x] * s->bytes, bytes);
                output += bytes;
            }
        }
    }
}

typedef struct {
    int batches, input_height, input_width, output_height, output_width, channels;
} tk_resize_bilinear_shape;

/* `rows` and `columns`: for each of the output the lower and upper one of the input, and the upper one's weight of
 * 1024. The sum of four products has 20 fractional bits and is rounded to nearest, halves away from zero. */
TK_INLINE void tk_resize_bilinear(const tk_resize_bilinear_shape *s, const int8_t *input, int8_t *output,
                                  const int16_t *rows, const int16_t *columns) {
    const int stride = s->input_width * s->channels;
    for (int batch = 0; batch < s->batches; batch++) {
        const int8_t *image = input + batch * s->input_height * stride;
        for (int y = 0; y < s->output_height; y++) {
            const int8_t *upper = image + rows[3 * y] * stride;
            const int8_t *lower = image + rows[3 * y + 1] * stride;
            const int32_t down = rows[3 * y + 2];
            for (int x = 0; x < s->output_width; x++) {
                const int left = columns[3 * x] * s->channels;
                const int right = columns[3 * x + 1] * s->channels;
                const int32_t across = columns[3 * x + 2];
                for (int c = 0; c < s->channels; c++) {
                    const int32_t above = upper[left + c] * (1024 - across) + upper[right + c] * across;
                    const int32_t below = lower[left + c] * (1024 - across) + lower[right + c] * across;
                    const int32_t sum = above * (1024 - down) + below * down;
                    *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
                }
            }
        }
    }
}

/* The same in float32. `places`: lower and upper; `fractions`: the position less the lower one. */
TK_INLINE void tk_resize_bilinear_float(const tk_resize_bilinear_shape *s, const float *input, float *output,
                                        const int16_t *row_places, const float *row_fractions,
                                        const int16_t *column_places, const float *column_fractions) {
    const int stride = s->input_width * s->channels;
    for (int batch = 0; batch < s->batches; batch++) {
        const float *image = input + batch * s->input_height * stride;
        for (int y = 0; y < s->output_height; y++) {
            const float *upper = image + row_places[2 * y] * stride;
            const float *lower = image + row_places[2 * y + 1] * stride;
            const float down = row_fractions[y];
            for (int x = 0; x < s->output_width; x++) {
                const int left = column_places[2 * x] * s->channels;
                const int right = column_places[2 * x + 1] * s->channels;
                const float across = column_fractions[x];
                for (int c = 0; c < s->channels; c++) {
                    /* In TFLM's order: each product and sum is rounded. */
                    const float a = tk_product(upper[left + c] * (1.0f - down), 1.0f - across);
                    const float b = tk_product(lower[left + c] * down, 1.0f - across);
                    const float d = tk_product(upper[right + c] * (1.0f - down), across);
                    const float e = tk_product(lower[right + c] * down, across);
                    *output++ = a + b + d + e;
                }
            }
        }
    }
}
