/* Moving values, portable: strided copies in fixed loops, and runs of one byte. */

#include "common.h"

#include <string.h>

/* All in bytes: `sizes` of the loops, outermost first; how far `from` and `to` move in each; `run` copied at a time.
 */
typedef struct {
    int sizes[8], from[8], to[8];
    int run;
} tk_copy_shape;

TK_INLINE void tk_copy(const tk_copy_shape *s, const unsigned char *input, unsigned char *output, int32_t input_start,
                       int32_t output_start) {
    const int *n = s->sizes;
    const int *f = s->from;
    const int *t = s->to;
    const size_t run = (size_t)s->run;
    const unsigned char *x = input + input_start;
    unsigned char *y = output + output_start;
    for (int a = 0; a < n[0]; a++) {
        for (int b = 0; b < n[1]; b++) {
            for (int c = 0; c < n[2]; c++) {
                for (int d = 0; d < n[3]; d++) {
                    const unsigned char *row = x + a * f[0] + b * f[1] + c * f[2] + d * f[3];
                    unsigned char *to_row = y + a * t[0] + b * t[1] + c * t[2] + d * t[3];
                    for (int e = 0; e < n[4]; e++) {
                        for (int g = 0; g < n[5]; g++) {
                            for (int h = 0; h < n[6]; h++) {
                                const unsigned char *from = row + e * f[4] + g * f[5] + h * f[6];
                                unsigned char *to = to_row + e * t[4] + g * t[5] + h * t[6];
                                for (int i = 0; i < n[7]; i++) {
                                    memcpy(to + i * t[7], from + i * f[7], run);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

typedef struct {
    int bytes;
} tk_fill_shape;

TK_INLINE void tk_fill(const tk_fill_shape *s, unsigned char *output, int32_t byte) {
    memset(output, (int)byte, (size_t)s->bytes);
}
