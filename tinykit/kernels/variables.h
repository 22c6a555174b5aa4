/* READ_VARIABLE and ASSIGN_VARIABLE: a copy between the arena and what is kept. */

#include "common.h"

#include <string.h>

typedef struct {
    int size;
} tk_variable_shape;

TK_INLINE void tk_variable(const tk_variable_shape *s, const void *from, void *to) {
    memcpy(to, from, (size_t)s->size);
}
