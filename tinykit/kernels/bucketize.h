/* BUCKETIZE in portable C: the number of ascending boundaries that a value reaches. */

#include "common.h"

typedef struct {
    int count, boundaries;
} tk_bucketize_shape;

/* As TFLite's, which looks with std::upper_bound: a NaN is below no boundary and so reaches all. */
TK_INLINE void tk_bucketize(const tk_bucketize_shape *s, const float *input, int32_t *output,
                            const float *boundaries) {
    for (int i = 0; i < s->count; i++) {
        int low = 0, high = s->boundaries;
        while (low < high) {
            const int middle = (low + high) / 2;
            if (input[i] < boundaries[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        output[i] = low;
    }
}

TK_INLINE void tk_bucketize_int32(const tk_bucketize_shape *s, const int32_t *input, int32_t *output,
                                  const float *boundaries) {
    for (int i = 0; i < s->count; i++) {
        int low = 0, high = s->boundaries;
        while (low < high) {
            const int middle = (low + high) / 2;
            if ((float)input[i] < boundaries[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        output[i] = low;
    }
}
