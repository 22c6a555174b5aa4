/* Slices picked by index, portable. Indices that were computed may be anything: what is read is kept inside. */

#include "common.h"

#include <string.h>

/* For each of `groups` (with `shared` of them reading the same indices), `picks` slices of `bytes` among `count`. */
typedef struct {
    int groups, shared, picks, count, bytes;
} tk_gather_shape;

TK_INLINE void tk_gather(const tk_gather_shape *s, const unsigned char *input, const int32_t *indices,
                         unsigned char *output) {
    const size_t bytes = (size_t)s->bytes;
    for (int group = 0; group < s->groups; group++) {
        const int32_t *pick = indices + group / s->shared * s->picks;
        for (int k = 0; k < s->picks; k++) {
            const int32_t row = tk_clamp(pick[k], 0, s->count - 1);
            memcpy(output, input + (size_t)row * bytes, bytes);
            output += bytes;
        }
        input += (size_t)s->count * bytes;
    }
}

/* `picks` slices of `bytes`, each by `coordinates` numbers that move by `strides` slices; `last` is the last slice.
 */
typedef struct {
    int strides[5];
    int coordinates, picks, last, bytes;
} tk_gather_nd_shape;

TK_INLINE void tk_gather_nd(const tk_gather_nd_shape *s, const unsigned char *input, const int32_t *indices,
                            unsigned char *output) {
    const size_t bytes = (size_t)s->bytes;
    for (int k = 0; k < s->picks; k++) {
        uint32_t slice = 0;
        for (int c = 0; c < s->coordinates; c++) {
            slice += (uint32_t)*indices++ * (uint32_t)s->strides[c];
        }
        if (slice > (uint32_t)s->last) {
            slice = (uint32_t)s->last;
        }
        memcpy(output, input + slice * bytes, bytes);
        output += bytes;
    }
}

/* tk_gather of one group, dequantized with zero point 0. */
typedef struct {
    int picks, count, width;
} tk_gather_float_shape;

TK_INLINE void tk_gather_float(const tk_gather_float_shape *s, const int8_t *input, const int32_t *indices,
                               float *output, const float *scale) {
    for (int k = 0; k < s->picks; k++) {
        const int8_t *row = input + tk_clamp(indices[k], 0, s->count - 1) * s->width;
        for (int i = 0; i < s->width; i++) {
            *output++ = *scale * (float)row[i];
        }
    }
}
