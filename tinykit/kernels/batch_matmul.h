/* BATCH_MATMUL, portable: one output value at a time. */

#include "floats.h"
#include "wide.h"

/* Of each operand the steps from row to row and from column to column, and from batch to batch (0 where it repeats).
 */
typedef struct {
    int batches[3];
    int rows, columns, depth;
    int a_batch[3], a_row, a_column;
    int b_batch[3], b_row, b_column;
    int down;
} tk_batch_matmul_shape;

TK_INLINE void tk_batch_matmul(const tk_batch_matmul_shape *s, const int8_t *a, const int8_t *b, int8_t *output,
                               int32_t a_zero_point, int32_t b_zero_point, int32_t multiplier, int32_t shift,
                               int32_t output_zero_point) {
    for (int i = 0; i < s->batches[0]; i++) {
        for (int j = 0; j < s->batches[1]; j++) {
            for (int k = 0; k < s->batches[2]; k++) {
                const int8_t *left = a + i * s->a_batch[0] + j * s->a_batch[1] + k * s->a_batch[2];
                const int8_t *right = b + i * s->b_batch[0] + j * s->b_batch[1] + k * s->b_batch[2];
                for (int row = 0; row < s->rows; row++) {
                    for (int column = 0; column < s->columns; column++) {
                        const int8_t *x = left + row * s->a_row;
                        const int8_t *y = right + column * s->b_column;
                        int32_t sum = 0;
                        for (int d = 0; d < s->depth; d++) {
                            sum += (x[d * s->a_column] - a_zero_point) * (y[d * s->b_row] - b_zero_point);
                        }
                        *output++ = tk_requantize(s->down, sum, multiplier, (int)shift, output_zero_point, INT8_MIN,
                                                  INT8_MAX);
                    }
                }
            }
        }
    }
}

TK_INLINE void tk_batch_matmul_int16(const tk_batch_matmul_shape *s, const int16_t *a, const int16_t *b,
                                     int16_t *output, int32_t multiplier, int32_t shift) {
    for (int i = 0; i < s->batches[0]; i++) {
        for (int j = 0; j < s->batches[1]; j++) {
            for (int k = 0; k < s->batches[2]; k++) {
                const int16_t *left = a + i * s->a_batch[0] + j * s->a_batch[1] + k * s->a_batch[2];
                const int16_t *right = b + i * s->b_batch[0] + j * s->b_batch[1] + k * s->b_batch[2];
                for (int row = 0; row < s->rows; row++) {
                    for (int column = 0; column < s->columns; column++) {
                        const int16_t *x = left + row * s->a_row;
                        const int16_t *y = right + column * s->b_column;
                        int64_t sum = 0;
                        for (int d = 0; d < s->depth; d++) {
                            sum += (int32_t)x[d * s->a_column] * y[d * s->b_row];
                        }
                        *output++ = tk_wide_requantize(1, sum, multiplier, (int)shift, INT16_MIN, INT16_MAX);
                    }
                }
            }
        }
    }
}

TK_INLINE void tk_batch_matmul_float(const tk_batch_matmul_shape *s, const float *a, const float *b, float *output) {
    for (int i = 0; i < s->batches[0]; i++) {
        for (int j = 0; j < s->batches[1]; j++) {
            for (int k = 0; k < s->batches[2]; k++) {
                const float *left = a + i * s->a_batch[0] + j * s->a_batch[1] + k * s->a_batch[2];
                const float *right = b + i * s->b_batch[0] + j * s->b_batch[1] + k * s->b_batch[2];
                for (int row = 0; row < s->rows; row++) {
                    for (int column = 0; column < s->columns; column++) {
                        const float *x = left + row * s->a_row;
                        const float *y = right + column * s->b_column;
                        float sum = 0.0f;
                        for (int d = 0; d < s->depth; d++) {
                            sum += tk_product(x[d * s->a_column], y[d * s->b_row]);
                        }
                        *output++ = sum;
                    }
                }
            }
        }
    }
}
