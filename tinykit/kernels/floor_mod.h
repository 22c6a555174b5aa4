/* FLOOR_MOD of float32 with broadcast; portable. */

#include "broadcast.h"

#include <math.h>

typedef struct {
    int sizes[6], first_strides[6], second_strides[6];
} tk_floor_mod_shape;

/* The remainder takes the divisor's sign; of division by 0 it is NaN. */
TK_INLINE void tk_floor_mod(const tk_floor_mod_shape *s, const float *first, const float *second, float *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const float divisor = second[tk_place(s->second_strides, at)];
        const float rest = fmodf(first[tk_place(s->first_strides, at)], divisor);
        const int is_other_side = (divisor < 0.0f) != (rest < 0.0f);
        output[i++] = (rest < 0.0f || rest > 0.0f) && is_other_side ? rest + divisor : rest;
    }
}
