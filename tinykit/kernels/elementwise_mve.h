/* ADD and AVERAGE_POOL_2D with Helium. */

#include "mve.h"

typedef struct {
    int shift;
} tk_add_mve_shape;

/* The sum of two tensors of one shape, over either of which the output may lie: (a * x + b * y + c) >> shift,
 * where all but the last sum may wrap around. */
TK_INLINE void tk_add_mve(const tk_add_mve_shape *s, const int8_t *first, const int8_t *second, int8_t *output,
                          int32_t a, int32_t b, int32_t c, int32_t count) {
#if TK_MVE
    if (__builtin_constant_p(s->shift)) {
        __asm__ volatile("vdup.32 q2, %[a]\n"
                         "wlstp.32 lr, %[count], 2f\n"
                         "1: vldrb.s32 q0, [%[first]], #4\n"
                         "vldrb.s32 q1, [%[second]], #4\n"
                         "vmlas.s32 q0, q2, %[c]\n"
                         "vmla.s32 q0, q1, %[b]\n"
                         "vshr.s32 q0, q0, #%c[shift]\n"
                         "vqmovnb.s32 q0, q0\n"
                         "vqmovnb.s16 q0, q0\n"
                         "vstrb.32 q0, [%[output]], #4\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [first] "+l"(first), [second] "+l"(second), [output] "+l"(output)
                         : [a] "r"(a), [b] "r"(b), [c] "r"(c), [count] "r"(count), [shift] "i"(s->shift)
                         : "lr", "d0", "d1", "d2", "d3", "d4", "d5", "memory");
        return;
    }
#endif
    for (int32_t i = 0; i < count; i++) {
        const uint32_t sum = (uint32_t)a * (uint32_t)first[i] + (uint32_t)b * (uint32_t)second[i] + (uint32_t)c;
        output[i] = (int8_t)tk_clamp((int32_t)sum >> s->shift, INT8_MIN, INT8_MAX);
    }
}

typedef struct {
    int pixels, low, high;
} tk_average_all_mve_shape;

/* The mean of all pixels, at most 255, to nearest, halves away from zero. scratch: 32 bytes. */
TK_INLINE void tk_average_all_mve(const tk_average_all_mve_shape *s, const int8_t *input, int8_t *output,
                                  int32_t *scratch, int32_t channels) {
    int16_t *const sums = (int16_t *)(void *)scratch;
    const int32_t half = s->pixels / 2;
    for (int32_t first = 0; first < channels; first += 16) {
        const int32_t some = tk_minimum(channels - first, 16);
        const int8_t *from = input + first;
#if TK_MVE
        __asm__ volatile("vmov.i32 q0, #0\n"
                         "vmov.i32 q1, #0\n"
                         "dls lr, %[pixels]\n"
                         "vctp.8 %[some]\n"
                         "1: vpst\n"
                         "vldrbt.u8 q2, [%[from]]\n"
                         "add %[from], %[channels]\n"
                         "vmovlb.s8 q3, q2\n"
                         "vmovlt.s8 q2, q2\n"
                         "vadd.i16 q0, q0, q3\n"
                         "vadd.i16 q1, q1, q2\n"
                         "le lr, 1b\n"
                         "vst20.16 {q0, q1}, [%[sums]]\n"
                         "vst21.16 {q0, q1}, [%[sums]]\n"
                         : [from] "+r"(from)
                         : [pixels] "r"(s->pixels), [some] "r"(some), [channels] "r"(channels), [sums] "r"(sums)
                         : "lr", "cc", "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "memory");
#else
        for (int32_t i = 0; i < some; i++) {
            int32_t sum = 0;
            for (int pixel = 0; pixel < s->pixels; pixel++) {
                sum += from[pixel * channels + i];
            }
            sums[i] = (int16_t)sum;
        }
#endif
        for (int32_t i = 0; i < some; i++) {
            const int32_t sum = sums[i];
            output[first + i] = (int8_t)tk_clamp((sum > 0 ? sum + half : sum - half) / s->pixels, s->low, s->high);
        }
    }
}
