/* Values whose type is a compile-time constant: one kernel serves several types, and the switch folds away. */

#include "common.h"

enum { TK_INT8, TK_UINT8, TK_INT16, TK_INT32 };

TK_INLINE int32_t tk_load(int type, const void *values, int i) {
    switch (type) {
    case TK_INT8:
        return ((const int8_t *)values)[i];
    case TK_UINT8:
        return ((const uint8_t *)values)[i];
    case TK_INT16:
        return ((const int16_t *)values)[i];
    default:
        return ((const int32_t *)values)[i];
    }
}

TK_INLINE void tk_store(int type, void *values, int i, int32_t value) {
    switch (type) {
    case TK_INT8:
        ((int8_t *)values)[i] = (int8_t)value;
        break;
    case TK_UINT8:
        ((uint8_t *)values)[i] = (uint8_t)value;
        break;
    case TK_INT16:
        ((int16_t *)values)[i] = (int16_t)value;
        break;
    default:
        ((int32_t *)values)[i] = value;
        break;
    }
}

/* value * multiplier / 2^31 / 2^right; `down` is a constant: whether `right` and `value` allow tk_scale_down. */
TK_INLINE int32_t tk_rescale(int down, int32_t value, int32_t multiplier, int right) {
    return down ? tk_scale_down(value, multiplier, right) : tk_scale(value, multiplier, right);
}
