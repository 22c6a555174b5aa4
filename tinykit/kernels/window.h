/* Sliding windows: which taps of a kernel lie inside the image. */

#include "common.h"

/* Taps first to last - 1. */
typedef struct {
    int first;
    int last;
} tk_span;

/* The taps inside an axis of `size` values, for a window whose first tap lies at `origin`. */
TK_INLINE tk_span tk_inside(int origin, int taps, int dilation, int size) {
    tk_span span;
    span.first = origin >= 0 ? 0 : (dilation - 1 - origin) / dilation;
    span.last = origin >= size ? 0 : (size - origin + dilation - 1) / dilation;
    if (span.last > taps) {
        span.last = taps;
    }
    if (span.first > span.last) {
        span.first = span.last;
    }
    return span;
}

/* Whether some window along an axis reaches over its ends. */
TK_INLINE int tk_is_padded(int before, int outputs, int stride, int taps, int dilation, int size) {
    return before > 0 || (outputs - 1) * stride - before + (taps - 1) * dilation >= size;
}
