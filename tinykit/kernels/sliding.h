/* Windows that slide over an image, row by row as runs of bytes: where they lie, and padded copies of their rows. */

#include "dsp.h"

typedef struct {
    int input_height, input_width, input_channels, output_width;
    int kernel_height, kernel_width;
    int stride_height, stride_width, dilation_height, dilation_width;
    int pad_top, pad_left;
} tk_sliding;

/* The first row and column of a window; outside the image where it is padded. */
typedef struct {
    int y, x;
} tk_origin;

TK_INLINE tk_origin tk_next_window(const tk_sliding *g, tk_origin at) {
    at.x += g->stride_width;
    if (at.x == g->output_width * g->stride_width - g->pad_left) {
        at.x = -g->pad_left;
        at.y += g->stride_height;
    }
    return at;
}

/* Whether a window lies in the image with rows that are runs of bytes. */
TK_INLINE int tk_is_whole(const tk_sliding *g, tk_origin at) {
    const int last = at.y + (g->kernel_height - 1) * g->dilation_height;
    return g->dilation_width == 1 && at.y >= 0 && at.x >= 0 && last < g->input_height &&
           at.x + g->kernel_width <= g->input_width;
}

/* Where row `y` of a window that starts at column `x` lies: in the image, or in `edge`, padded with the zero point.
 */
TK_INLINE const int8_t *tk_window_run(const tk_sliding *g, const int8_t *image, int8_t *edge, int y, int x,
                                      int32_t zero_point) {
    const int depth = g->input_channels;
    const int inside = y >= 0 && y < g->input_height;
    if (g->dilation_width == 1 && inside && x >= 0 && x + g->kernel_width <= g->input_width) {
        return image + (y * g->input_width + x) * depth;
    }
    int8_t *to = edge;
    for (int k = 0; k < g->kernel_width; k++, x += g->dilation_width, to += depth) {
        if (inside && x >= 0 && x < g->input_width) {
            tk_copy_run(to, image + (y * g->input_width + x) * depth, depth);
        } else {
            tk_fill_run(to, zero_point, depth);
        }
    }
    return edge;
}
