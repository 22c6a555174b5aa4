/*
 * FULLY_CONNECTED with Helium: eight or four outputs at a time, sixteen products an instruction.
 *
 * The weights of a group follow each other in the order of use: biases (a word an output), for each run of inputs its
 * pieces of 16 values for all outputs and the rest, and where they differ multipliers (words) and shifts to the left
 * (bytes). Where outputs do not divide into groups, the last group repeats some.
 */

#include "mve.h"

typedef struct {
    int is_one_run, pieces, rest;
    int group, left_over;
    int per_channel, two_sided;
} tk_fully_connected_mve_shape;

#define TK_MVE_DENSE_PRODUCTS(advance, a, b)                                                                         \
    "vldrb.s8 q2, [r1], #" advance "\n"                                                                              \
    "vmladava.s8 " a ", q0, q2\n"                                                                                    \
    "vldrb.s8 q3, [r1], #" advance "\n"                                                                              \
    "vmladava.s8 " b ", q0, q3\n"
#define TK_MVE_DENSE(advance)                                                                                        \
    TK_MVE_DENSE_PRODUCTS(advance, "r0", "r2")                                                                       \
    TK_MVE_DENSE_PRODUCTS(advance, "r4", "r6")                                                                       \
    ".if %c[group] == 8\n" TK_MVE_DENSE_PRODUCTS(advance, "r8", "r10")                                               \
        TK_MVE_DENSE_PRODUCTS(advance, "r12", "lr") ".endif\n"
#define TK_MVE_DENSE_PIECE TK_MVE_DENSE("16")
#define TK_MVE_DENSE_REST TK_MVE_DENSE("%c[rest]")
#define TK_MVE_DENSE_FINISH_0 TK_MVE_FINISH("q0", ", q0, q3")
#define TK_MVE_DENSE_FINISH_1 TK_MVE_FINISH("q1", ", q1, q3")

/* One row of inputs. */
TK_INLINE void tk_mve_dense_row(const tk_fully_connected_mve_shape *s, const int8_t *input, int8_t *output,
                                const int8_t *weights, int32_t outputs, int32_t runs, int32_t multiplier,
                                int32_t shift, const tk_mve_limits *limits) {
#if TK_MVE
    if (__builtin_constant_p(s->is_one_run + s->pieces + s->rest + s->group + s->left_over + s->per_channel +
                             s->two_sided)) {
        const tk_mve_limits l = *limits;
        const int8_t *const end = output + outputs;
        const struct { int32_t multiplier, shift; } scale = {multiplier, shift};
        __asm__ volatile(
            TK_MVE_LONG TK_MVE_LIMITS_32 "ldr r9, %[end]\n"
                                         "ldr r5, %[output]\n"
                                         "ldr r1, %[weights]\n"
                                         ".if %c[rest]\n"
                                         "mov r7, #%c[rest]\n"
                                         "vctp.8 r7\n"
                                         ".endif\n"
                                         "1: ldr r3, %[input]\n"
                                         ".if %c[group] == 8\n"
                                         "ldm r1!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                                         ".else\n"
                                         "ldm r1!, {r0, r2, r4, r6}\n"
                                         ".endif\n"
                                         ".if !%c[is_one_run]\n"
                                         "ldr r7, %[runs]\n"
                                         ".endif\n"
                                         "2:\n"
                                         ".rept %c[pieces]\n"
                                         "vldrb.s8 q0, [r3], #16\n" TK_MVE_DENSE_PIECE ".endr\n"
                                         ".if %c[rest]\n"
                                         "vpst\n"
                                         "vldrbt.s8 q0, [r3]\n" TK_MVE_DENSE_REST ".if !%c[is_one_run]\n"
                                         "adds r3, #%c[rest]\n"
                                         ".endif\n"
                                         ".endif\n"
                                         ".if !%c[is_one_run]\n"
                                         "subs r7, #1\n"
                                         "bne 2b\n"
                                         ".endif\n"
                                         "vmov q0[2], q0[0], r0, r4\n"
                                         "vmov q0[3], q0[1], r2, r6\n"
                                         ".if %c[group] == 8\n"
                                         "vmov q1[2], q1[0], r8, r12\n"
                                         "vmov q1[3], q1[1], r10, lr\n"
                                         ".endif\n"
                                         ".if %c[per_channel]\n"
                                         "vldrw.s32 q2, [r1], #16\n"
                                         "vqrdmulh.s32 q0, q0, q2\n"
                                         ".if %c[group] == 8\n"
                                         "vldrw.s32 q2, [r1], #16\n"
                                         "vqrdmulh.s32 q1, q1, q2\n"
                                         ".endif\n"
                                         "vldrb.s32 q3, [r1], #4\n"
                                         ".else\n"
                                         "ldrd r0, r2, %[scale]\n"
                                         "vqrdmulh.s32 q0, q0, r0\n"
                                         "vdup.32 q3, r2\n"
                                         ".if %c[group] == 8\n"
                                         "vqrdmulh.s32 q1, q1, r0\n"
                                         ".endif\n"
                                         ".endif\n" TK_MVE_DENSE_FINISH_0 "vstrb.32 q0, [r5], #4\n"
                                         ".if %c[group] == 8\n"
                                         ".if %c[per_channel]\n"
                                         "vldrb.s32 q3, [r1], #4\n"
                                         ".endif\n" TK_MVE_DENSE_FINISH_1 "vstrb.32 q1, [r5], #4\n"
                                         ".endif\n"
                                         "cmp r5, r9\n"
                                         ".if %c[left_over]\n"
                                         "beq 3f\n"
                                         "sub r7, r9, #%c[group]\n"
                                         "cmp r5, r7\n"
                                         "it hi\n"
                                         "movhi r5, r7\n"
                                         "b 1b\n"
                                         "3:\n"
                                         ".else\n"
                                         "bne 1b\n"
                                         ".endif\n"
            :
            : [input] "m"(input), [output] "m"(output), [weights] "m"(weights), [end] "m"(end), [scale] "m"(scale),
              [zero] "m"(l.zero_point), [low] "m"(l.low), [high] "m"(l.high), [runs] "m"(runs),
              [is_one_run] "i"(s->is_one_run), [pieces] "i"(s->pieces), [rest] "i"(s->rest), [group] "i"(s->group),
              [left_over] "i"(s->left_over), [per_channel] "i"(s->per_channel), [two_sided] "i"(s->two_sided)
            : TK_MVE_ALL);
        return;
    }
#endif
    const int length = 16 * s->pieces + s->rest;
    for (int unit = 0; unit < outputs; unit += s->group) {
        const int first = tk_minimum(unit, (int)outputs - s->group);
        const int8_t *const values = weights + 4 * s->group;
        const int8_t *const scales = values + runs * length * s->group;
        for (int k = 0; k < s->group; k++) {
            int32_t sum = tk_mve_word(weights + 4 * k);
            for (int i = 0; i < runs * length; i++) {
                const int start = i / length * length + i % length / 16 * 16;
                const int size = i % length / 16 < s->pieces ? 16 : s->rest;
                sum += input[i] * values[start * s->group + k * size + i - start];
            }
            const int32_t by = s->per_channel ? tk_mve_word(scales + 4 * k) : multiplier;
            const int left = s->per_channel ? scales[4 * s->group + k] : (int)shift;
            output[first + k] = tk_requantize(1, sum, by, -left, limits->zero_point, limits->low, limits->high);
        }
        weights = scales + (s->per_channel ? 5 * s->group : 0);
    }
}

/* The one multiplier and shift (to the left) serve unless `per_channel`. */
TK_INLINE void tk_fully_connected_mve(const tk_fully_connected_mve_shape *s, const int8_t *input, int8_t *output,
                                      const int8_t *weights, int32_t batches, int32_t outputs, int32_t runs,
                                      int32_t multiplier, int32_t shift, int32_t output_zero_point, int32_t low,
                                      int32_t high) {
    const tk_mve_limits limits = {output_zero_point, low, high};
    for (int32_t batch = 0; batch < batches; batch++) {
        tk_mve_dense_row(s, input, output, weights, outputs, runs, multiplier, shift, &limits);
        input += runs * (16 * s->pieces + s->rest);
        output += outputs;
    }
}
