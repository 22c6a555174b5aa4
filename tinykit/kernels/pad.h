/* PAD and PADV2 of int8, portable: fill, then copy the rows in between. */

#include "common.h"

#include <string.h>

typedef struct {
    int input[6], before[6], output[6];
} tk_pad_shape;

TK_INLINE void tk_pad(const tk_pad_shape *s, const int8_t *input, int8_t *output, int32_t value) {
    const int *size = s->input;
    const int *first = s->before;
    const int *to = s->output;
    const size_t row = (size_t)size[5];
    memset(output, (int)value,
           (size_t)to[0] * (size_t)to[1] * (size_t)to[2] * (size_t)to[3] * (size_t)to[4] * (size_t)to[5]);
    for (int i = first[0]; i < first[0] + size[0]; i++) {
        for (int j = first[1]; j < first[1] + size[1]; j++) {
            for (int k = first[2]; k < first[2] + size[2]; k++) {
                for (int l = first[3]; l < first[3] + size[3]; l++) {
                    for (int m = first[4]; m < first[4] + size[4]; m++) {
                        const int start = (((i * to[1] + j) * to[2] + k) * to[3] + l) * to[4] + m;
                        memcpy(output + start * to[5] + first[5], input, row);
                        input += row;
                    }
                }
            }
        }
    }
}
