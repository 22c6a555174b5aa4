/* What the Helium kernels of convolutions share: eight sums, of two pixels and four channels, and their outputs. */

#include "mve.h"

/* Products of a piece with four channels' weights: both pixels' sums are in even registers, as VMLADAVA wants them.
 */
#define TK_MVE_PRODUCTS(advance, a, b, q)                                                                            \
    "vldrb.s8 " q ", [r1], #" advance "\n"                                                                           \
    "vmladava.s8 " a ", q0, " q "\n"                                                                                 \
    "vmladava.s8 " b ", q1, " q "\n"
#define TK_MVE_EIGHT_SUMS(advance)                                                                                   \
    TK_MVE_PRODUCTS(advance, "r0", "r8", "q2")                                                                       \
    TK_MVE_PRODUCTS(advance, "r2", "r10", "q3")                                                                      \
    TK_MVE_PRODUCTS(advance, "r4", "r12", "q2") TK_MVE_PRODUCTS(advance, "r6", "lr", "q3")

#define TK_MVE_PIECE TK_MVE_EIGHT_SUMS("16")
#define TK_MVE_REST TK_MVE_EIGHT_SUMS("%c[rest]")

/* Requantize the sums of two pixels (r0 to r6, r8 to lr) with what the weights end with, and write them to r9 at the
 * offsets in q4. */
#define TK_MVE_EIGHT_OUTPUTS                                                                                         \
    "vmov q0[2], q0[0], r0, r4\n"                                                                                    \
    "vmov q0[3], q0[1], r2, r6\n"                                                                                    \
    "vmov q1[2], q1[0], r8, r12\n"                                                                                   \
    "vmov q1[3], q1[1], r10, lr\n"                                                                                   \
    "vldrw.s32 q2, [r1], #16\n"                                                                                      \
    "vldrb.s32 q3, [r1], #4\n"                                                                                       \
    "vqrdmulh.s32 q0, q0, q2\n"                                                                                      \
    "vqrdmulh.s32 q1, q1, q2\n"                                                                                      \
    ".if %c[two_sided]\n"                                                                                            \
    "vshr.s32 q2, q0, #31\n"                                                                                         \
    "vadd.i32 q0, q0, q2\n"                                                                                          \
    "vshr.s32 q2, q1, #31\n"                                                                                         \
    "vadd.i32 q1, q1, q2\n"                                                                                          \
    ".endif\n"                                                                                                       \
    "vrshl.s32 q0, q0, q3\n"                                                                                         \
    "vrshl.s32 q1, q1, q3\n"                                                                                         \
    "vqmovnb.s32 q0, q0\n"                                                                                           \
    "vqmovnt.s32 q0, q1\n"                                                                                           \
    "vqadd.s16 q0, q0, q5\n"                                                                                         \
    ".if %c[saturated]\n"                                                                                            \
    "vqmovnb.s16 q0, q0\n"                                                                                           \
    ".else\n"                                                                                                        \
    "vmax.s16 q0, q0, q6\n"                                                                                          \
    "vmin.s16 q0, q0, q7\n"                                                                                          \
    ".endif\n"                                                                                                       \
    "vstrb.16 q0, [r9, q4]\n"
