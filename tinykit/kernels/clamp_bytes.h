/* An activation's clamp behind a kernel that only saturates. */

#include "common.h"

typedef struct {
    int low, high;
} tk_clamp_bytes_shape;

TK_INLINE void tk_clamp_bytes(const tk_clamp_bytes_shape *s, int8_t *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        values[i] = (int8_t)tk_clamp(values[i], s->low, s->high);
    }
}
