/*
 * FULLY_CONNECTED of few weights in blocks of four inputs, with Helium: four blocks are gathered by words.
 *
 * The stream of four outputs: biases (4 words), how many vectors each output has (4 bytes), then of each output its
 * vectors {places of four blocks, as bytes; their 16 weights}, and where they differ multipliers (words) and shifts
 * to the left (bytes). Where outputs do not divide by four, the last group repeats some.
 */

#include "mve.h"

typedef struct {
    int per_channel, two_sided;
} tk_fully_connected_blocks_mve_shape;

#define TK_MVE_BLOCKS(sum, turned)                                                                                   \
    "uxtb lr, r7, ror #" turned "\n"                                                                                 \
    "wls lr, lr, 3f\n"                                                                                               \
    "2: vldrb.u32 q0, [r1], #4\n"                                                                                    \
    "vldrb.s8 q1, [r1], #16\n"                                                                                       \
    "vldrw.u32 q2, [r3, q0, uxtw #2]\n"                                                                              \
    "vmladava.s8 " sum ", q1, q2\n"                                                                                  \
    "le lr, 2b\n"                                                                                                    \
    "3:\n"

/* One row of inputs, at most 256 blocks at a multiple of 4 bytes. The one multiplier and shift (to the left) serve
 * unless `per_channel`. */
TK_INLINE void tk_fully_connected_blocks_mve(const tk_fully_connected_blocks_mve_shape *s, const int8_t *input,
                                             int8_t *output, const int8_t *weights, int32_t outputs,
                                             int32_t multiplier, int32_t shift, int32_t output_zero_point,
                                             int32_t low, int32_t high) {
#if TK_MVE
    if (__builtin_constant_p(s->per_channel + s->two_sided)) {
        const tk_mve_limits l = {output_zero_point, low, high};
        const struct { int32_t multiplier, shift; } scale = {multiplier, shift};
        const int8_t *const last = output + outputs - 4;
        __asm__ volatile(TK_MVE_LIMITS_32
                         "ldr r9, %[last]\n"
                         "ldr r5, %[output]\n"
                         "ldr r3, %[input]\n"
                         "ldr r1, %[weights]\n"
                         "1: ldm r1!, {r0, r2, r4, r6, r7}\n" TK_MVE_BLOCKS("r0", "0") TK_MVE_BLOCKS("r2", "8")
                             TK_MVE_BLOCKS("r4", "16") TK_MVE_BLOCKS(
                                 "r6", "24") "vmov q0[2], q0[0], r0, r4\n"
                                             "vmov q0[3], q0[1], r2, r6\n"
                                             ".if %c[per_channel]\n"
                                             "vldrw.s32 q2, [r1], #16\n"
                                             "vqrdmulh.s32 q0, q0, q2\n"
                                             "vldrb.s32 q3, [r1], #4\n"
                                             ".else\n"
                                             "ldrd r0, r2, %[scale]\n"
                                             "vqrdmulh.s32 q0, q0, r0\n"
                                             "vdup.32 q3, r2\n"
                                             ".endif\n" TK_MVE_FINISH("q0", ", q0, q3") "vstrb.32 q0, [r5], #4\n"
                                                                                        "cmp r5, r9\n"
                                                                                        "bls 1b\n"
                                                                                        "sub r7, r5, r9\n"
                                                                                        "cmp r7, #4\n"
                                                                                        "itt ne\n"
                                                                                        "movne r5, r9\n"
                                                                                        "bne 1b\n"
                         :
                         : [input] "m"(input), [output] "m"(output), [weights] "m"(weights), [last] "m"(last),
                           [scale] "m"(scale), [zero] "m"(l.zero_point), [low] "m"(l.low), [high] "m"(l.high),
                           [per_channel] "i"(s->per_channel), [two_sided] "i"(s->two_sided)
                         : TK_MVE_ALL);
        return;
    }
#endif
    for (int32_t unit = 0; unit < outputs; unit += 4) {
        int8_t *const to = output + tk_minimum(unit, outputs - 4);
        const int8_t *const counts = weights + 16, *vectors = counts + 4;
        int32_t sums[4];
        for (int k = 0; k < 4; k++) {
            sums[k] = tk_mve_word(weights + 4 * k);
            for (int n = (uint8_t)counts[k]; n > 0; n--, vectors += 20) {
                for (int i = 0; i < 16; i++) {
                    sums[k] += vectors[4 + i] * input[4 * (uint8_t)vectors[i / 4] + i % 4];
                }
            }
        }
        for (int k = 0; k < 4; k++) {
            const int32_t by = s->per_channel ? tk_mve_word(vectors + 4 * k) : multiplier;
            const int left = s->per_channel ? vectors[16 + k] : (int)shift;
            to[k] = tk_requantize(1, sums[k], by, -left, output_zero_point, low, high);
        }
        weights = vectors + (s->per_channel ? 20 : 0);
    }
}
