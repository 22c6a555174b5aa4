/* What the Helium (MVE) kernels share: the requantization of TFLM, and sums of pairs of pixels. */

#include "common.h"
#include <string.h>

/*
 * Without optimization (and with -Og) constants do not reach the instructions' immediate fields: the portable forms
 * serve, as they do on other cores.
 */
#if defined(__ARM_FEATURE_MVE) && defined(__OPTIMIZE__) && !defined(__clang__)
#define TK_MVE 1
#else
#define TK_MVE 0
#endif

/* -ffreestanding takes their meaning from the compiler: name the builtins, so that they stay a few instructions. */
#if defined(__GNUC__)
#define TK_MVE_COPY __builtin_memcpy
#define TK_MVE_SET __builtin_memset
#else
#define TK_MVE_COPY memcpy
#define TK_MVE_SET memset
#endif

/* Everything that a block of assembly takes: each general register but sp, and all vectors. */
#define TK_MVE_ALL                                                                                                   \
    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "d0", "d1", "d2", "d3",   \
        "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15", "cc", "memory"

/*
 * 256 lines. GCC takes assembly for as long as it has lines, and chooses branches around it by that; what is repeated
 * by .rept has more.
 */
#define TK_MVE_LINES(some) some some some some
#define TK_MVE_LONG TK_MVE_LINES(TK_MVE_LINES("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"))

/* Zero point, least and greatest output in q5, q6 and q7, in lanes of 16 or 32 bits. */
#define TK_MVE_LIMITS(bits)                                                                                          \
    "ldr r7, %[zero]\n"                                                                                              \
    "vdup." bits " q5, r7\n"                                                                                         \
    "ldr r7, %[low]\n"                                                                                               \
    "vdup." bits " q6, r7\n"                                                                                         \
    "ldr r7, %[high]\n"                                                                                              \
    "vdup." bits " q7, r7\n"
#define TK_MVE_LIMITS_16 TK_MVE_LIMITS("16")
#define TK_MVE_LIMITS_32 TK_MVE_LIMITS("32")

/* TFLM's second rounding and the clamp of sums in `q` that have been multiplied; shifts (to the left) in `by`. */
#define TK_MVE_FINISH(q, by)                                                                                         \
    ".if %c[two_sided]\n"                                                                                            \
    "vshr.s32 q4, " q ", #31\n"                                                                                      \
    "vadd.i32 " q ", " q ", q4\n"                                                                                    \
    ".endif\n"                                                                                                       \
    "vrshl.s32 " q by "\n"                                                                                           \
    "vadd.i32 " q ", " q ", q5\n"                                                                                    \
    "vmax.s32 " q ", " q ", q6\n"                                                                                    \
    "vmin.s32 " q ", " q ", q7\n"

/* The output's zero point and clamp; `two_sided` (a constant): whether negative outputs are not all clamped away. */
typedef struct {
    int32_t zero_point, low, high;
} tk_mve_limits;

/* A word of packed constants at any address. */
TK_INLINE int32_t tk_mve_word(const int8_t *from) {
    int32_t word;
    TK_MVE_COPY(&word, from, 4);
    return word;
}

/* Set `length` (0 or more) bytes. */
TK_INLINE void tk_mve_fill(int8_t *to, int32_t value, int length) {
#if TK_MVE
    __asm__ volatile("vdup.8 q0, %1\n"
                     "wlstp.8 lr, %2, 2f\n"
                     "1: vstrb.8 q0, [%0], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : "+r"(to)
                     : "r"(value), "r"(length)
                     : "lr", "d0", "d1", "memory");
#else
    TK_MVE_SET(to, value, (size_t)length);
#endif
}

/* Copy `length` (a constant) bytes. */
TK_INLINE void tk_mve_copy(int8_t *to, const int8_t *from, int length) {
#if TK_MVE
    if (length > 64 || !__builtin_constant_p(length)) {
        __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                         "1: vldrb.u8 q0, [%1], #16\n"
                         "vstrb.8 q0, [%0], #16\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : "+r"(to), "+r"(from)
                         : "r"(length)
                         : "lr", "d0", "d1", "memory");
        return;
    }
    if (length >= 16) {
        __asm__ volatile(".rept %c2 / 16\n"
                         "vldrb.u8 q0, [%1], #16\n"
                         "vstrb.8 q0, [%0], #16\n"
                         ".endr\n"
                         ".if %c2 %% 16\n"
                         "vldrb.u8 q0, [%1, #(%c2 %% 16 - 16)]\n"
                         "vstrb.8 q0, [%0, #(%c2 %% 16 - 16)]\n"
                         ".endif\n"
                         : "+r"(to), "+r"(from)
                         : "i"(length)
                         : "d0", "d1", "memory");
        return;
    }
#endif
    TK_MVE_COPY(to, from, (size_t)length);
}
