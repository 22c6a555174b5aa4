/* Operands that broadcast against each other: the loops over the output, and where each operand's value lies. */

#include "values.h"

enum { TK_ADD, TK_SUB, TK_MUL, TK_DIV, TK_SQUARED_DIFFERENCE, TK_MAXIMUM, TK_MINIMUM };

/* Six loops, outermost first; `at` holds their counters. Loops of one turn and strides of 0 cost nothing. */
#define TK_EACH(sizes, at)                                                                                           \
    for (at[0] = 0; at[0] < (sizes)[0]; at[0]++)                                                                     \
        for (at[1] = 0; at[1] < (sizes)[1]; at[1]++)                                                                 \
            for (at[2] = 0; at[2] < (sizes)[2]; at[2]++)                                                             \
                for (at[3] = 0; at[3] < (sizes)[3]; at[3]++)                                                         \
                    for (at[4] = 0; at[4] < (sizes)[4]; at[4]++)                                                     \
                        for (at[5] = 0; at[5] < (sizes)[5]; at[5]++)

/* An operand's value at the counters `at`; a stride is 0 where the operand is broadcast. */
TK_INLINE int tk_place(const int *strides, const int *at) {
    return at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2] + at[3] * strides[3] + at[4] * strides[4] +
           at[5] * strides[5];
}
