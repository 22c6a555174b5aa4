/* FULLY_CONNECTED of one row for cores with the DSP extension: four outputs at a time, weights as in conv_2d_dsp.h.
 */

#include "dsp.h"

/*
 * Add to sums {A + 256 B, A, C + 256 D, C} the products of `fours` (at least one) words of x. A word of x goes with
 * four of w: ab of values (0, 2), cd of (0, 2), ab of (1, 3), cd of (1, 3). Returns where w ends.
 *
 * A function of its own, so that its 12 registers are always to be had and all layers share it.
 */
TK_SHARED const uint32_t *tk_dot_four(const uint32_t *w, const int8_t *x, int fours, int32_t *sums) {
#if TK_DSP
    int32_t ab = sums[0], a = sums[1], cd = sums[2], c = sums[3];
    const uint32_t *volatile end = w + 4 * fours;
    uint32_t even = (uint32_t)(-fours & 7) * 64u, odd; /* the steps left out first, of 16 instructions of 4 bytes */
    __asm__(".p2align 2\n\t"
            "add pc, %[even]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept 8\n\t"
            "ldmia.w %[w]!, {r0-r3}\n\t"
            "ldr.w %[even], [%[x]], #4\n\t"
            "sxtb16 %[odd], %[even], ror #8\n\t"
            "sxtb16.w %[even], %[even]\n\t"
            "smlad %[ab], r0, %[even], %[ab]\n\t"
            "sxtb16.w r0, r0\n\t"
            "smlad %[cd], r1, %[even], %[cd]\n\t"
            "sxtb16.w r1, r1\n\t"
            "smlad %[ab], r2, %[odd], %[ab]\n\t"
            "sxtb16.w r2, r2\n\t"
            "smlad %[cd], r3, %[odd], %[cd]\n\t"
            "sxtb16.w r3, r3\n\t"
            "smlad %[a], r0, %[even], %[a]\n\t"
            "smlad %[c], r1, %[even], %[c]\n\t"
            "smlad %[a], r2, %[odd], %[a]\n\t"
            "smlad %[c], r3, %[odd], %[c]\n\t"
            ".endr\n\t"
            "ldr r0, %[end]\n\t"
            "cmp %[w], r0\n\t"
            "bne 1b"
            : [ab] "+r"(ab), [a] "+r"(a), [cd] "+r"(cd), [c] "+r"(c), [w] "+r"(w), [x] "+r"(x), [even] "+r"(even),
              [odd] "=&r"(odd)
            : [end] "m"(end)
            : "r0", "r1", "r2", "r3", "cc", "memory");
    sums[0] = ab;
    sums[1] = a;
    sums[2] = cd;
    sums[3] = c;
#else
    for (int k = 0; k < fours; k++, w += 4, x += 4) {
        const uint32_t value = tk_load_word(x), even = tk_even_bytes(value), odd = tk_odd_bytes(value);
        for (int i = 0; i < 2; i++) {
            sums[2 * i] = tk_add_dot(w[i], even, tk_add_dot(w[2 + i], odd, sums[2 * i]));
            sums[2 * i + 1] = tk_add_dot(tk_even_bytes(w[i]), even, sums[2 * i + 1]);
            sums[2 * i + 1] = tk_add_dot(tk_even_bytes(w[2 + i]), odd, sums[2 * i + 1]);
        }
    }
#endif
    return w;
}

typedef struct {
    int per_channel;
    int shift, two_sided;
} tk_fully_connected_dsp_shape;

typedef struct {
    int8_t a, b, c, d;
} tk_fours;

/* Output k of a group from its sum; q: what follows the group's weights. */
TK_INLINE int8_t tk_connected(const tk_fully_connected_dsp_shape *s, int32_t sum, const int32_t *q, int k,
                              int32_t multiplier, int32_t jump, int32_t offset) {
    return tk_requantize_dsp(s->shift, s->two_sided, sum, s->per_channel ? q[2 + k] : multiplier,
                             s->per_channel && s->two_sided ? q[6 + k] : jump, offset);
}

/*
 * Groups of four outputs a, b, c, d, the last padded with zeros, of fours = ceil(inputs / 4):
 *
 *     bias'b, bias'd, fours x {ab, cd, ab, cd}, bias'a, bias'c(, multipliers a, b, c, d(, jumps a, b, c, d))
 *
 * One multiplier and jump serve all outputs unless `per_channel`. No byte behind the input is read.
 */
TK_INLINE void tk_fully_connected_dsp(const tk_fully_connected_dsp_shape *s, const int8_t *input, int8_t *output,
                                      const int32_t *weights, int32_t offset, int32_t multiplier, int32_t jump,
                                      int32_t inputs, int32_t outputs) {
    const uint32_t *w = (const uint32_t *)weights;
    const int fours = (int)inputs / 4, rest = (int)inputs & 3;
    for (int32_t left = outputs; left > 0; left -= 4) {
        int32_t sums[4] = {(int32_t)w[0], 0, (int32_t)w[1], 0};
        w += 2;
        if (fours > 0) {
            w = tk_dot_four(w, input, fours, sums);
        }
        if (rest) {
            int8_t padded[4] = {0, 0, 0, 0};
            for (int i = 0; i < rest; i++) {
                padded[i] = input[4 * fours + i];
            }
            w = tk_dot_four(w, padded, 1, sums);
        }
        const int32_t *q = (const int32_t *)w;
        tk_fours found;
        found.a =
            tk_connected(s, tk_wrapped_sum(q[0], (int32_t)((uint32_t)sums[1] << 8)), q, 0, multiplier, jump, offset);
        found.b = tk_connected(s, tk_wrapped_difference(sums[0], sums[1]), q, 1, multiplier, jump, offset);
        found.c =
            tk_connected(s, tk_wrapped_sum(q[1], (int32_t)((uint32_t)sums[3] << 8)), q, 2, multiplier, jump, offset);
        found.d = tk_connected(s, tk_wrapped_difference(sums[2], sums[3]), q, 3, multiplier, jump, offset);
        output[0] = found.a;
        if (left >= 4) {
            output[1] = found.b;
            output[2] = found.c;
            output[3] = found.d;
        } else if (left > 1) {
            output[1] = found.b;
            if (left > 2) {
                output[2] = found.c;
            }
        }
        output += 4;
        w += 2 + (s->per_channel ? 4 + 4 * s->two_sided : 0);
    }
}
