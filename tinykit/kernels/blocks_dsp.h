/* Rows whose weights lie in blocks of four inputs, for cores with the DSP extension: other blocks are neither stored
 * nor multiplied.
 *
 * A half of a block's word holds the weights a and b of two neighbouring inputs x and y as a + 256 * b, so that
 *
 *     (a + 256 * b) * y + a * (256 * x - y) = 256 * (a * x + b * y)
 *
 * One SMLAD on the word as it is and one on its sign-extended low bytes are 256 times the block's four products,
 * which is what the requantization wants. Inputs are int16 in scratch: of each four, y in pairs, then 256 * x - y +
 * 127, which is just within 16 bits; the bias makes up for the 127.
 *
 * A row's stream:
 *
 *     control, units of {four steps, weights of blocks 0, 1, 2, 3}, bias'(, multiplier(, jump))
 *
 * A step says how many bytes of scratch a block's inputs lie behind those of the block before. The control word holds
 * the bytes of the units in the upper half, and in the lower one where the first turn of the unrolled loop starts, in
 * bytes of code: units and blocks that are not there are jumped over.
 */

#include "dsp.h"

#define TK_BLOCK_UNITS 8
#define TK_BLOCK_BYTES 20
#define TK_BLOCK_UNIT_BYTES (4 + 4 * TK_BLOCK_BYTES)

#if TK_DSP
/* clang-format off */
#define TK_BLOCK(weights, turned)                    \
    "uxtab %[x], %[x], r0, ror #" turned "\n\t"      \
    "ldrd %[y], %[both], [%[x]]\n\t"                 \
    "sxtb16 %[t], " weights "\n\t"                   \
    "smlad %[sum], " weights ", %[y], %[sum]\n\t"    \
    "smlad %[sum], %[t], %[both], %[sum]\n\t"
/* clang-format on */

TK_INLINE int32_t tk_block_row(const uint32_t **stream, const uint32_t *x) {
    const uint32_t *w = *stream, *end;
    uint32_t t = *w++, y, both;
    int32_t sum = 0;
    end = (const uint32_t *)((const char *)w + (t >> 16));
    t &= 0xFFFFu;
    __asm__("ldmia.w %[w]!, {r0-r4}\n\t"
            "add pc, %[t]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept %c[units]\n\t"
            "ldmia.w %[w]!, {r0-r4}\n\t" TK_BLOCK("r1", "0") TK_BLOCK("r2", "8") TK_BLOCK("r3", "16")
                TK_BLOCK("r4", "24") ".endr\n\t"
                                     "cmp %[w], %[end]\n\t"
                                     "bne 1b"
            : [w] "+r"(w), [x] "+r"(x), [t] "+r"(t), [y] "=&r"(y), [both] "=&r"(both), [sum] "+r"(sum)
            : [end] "r"(end), [units] "i"(TK_BLOCK_UNITS)
            : "r0", "r1", "r2", "r3", "r4", "cc", "memory");
    *stream = w;
    return sum;
}
#else
TK_INLINE int32_t tk_block_row(const uint32_t **stream, const uint32_t *x) {
    const uint32_t *w = *stream, control = *w++, *const end = w + (control >> 18);
    int32_t sum = 0;
    for (int i = ((int)(control & 0xFFFFu) - 4) % TK_BLOCK_UNIT_BYTES / TK_BLOCK_BYTES; w != end; w += 5, i = 0) {
        for (; i < 4; i++) {
            x += ((w[0] >> (8 * i)) & 0xFFu) / 4;
            sum = tk_add_dot(w[1 + i], x[0], sum);
            sum = tk_add_dot(tk_even_bytes(w[1 + i]), x[1], sum);
        }
    }
    *stream = w;
    return sum;
}
#endif

/* 256 * x - y + 127 for the even bytes x and the odd ones y, which are `odd`. */
TK_INLINE uint32_t tk_both_bytes(uint32_t four, uint32_t odd) {
    const uint32_t even = (four << 8) & 0xFF00FF00u;
#if TK_DSP
    uint32_t both;
    __asm__("ssub16 %0, %1, %2\n\tsadd16 %0, %0, %3" : "=&r"(both) : "r"(even), "r"(odd), "r"(0x007F007Fu));
    return both;
#else
    return tk_halves(tk_low_half(even) - tk_low_half(odd) + 127, tk_high_half(even) - tk_high_half(odd) + 127);
#endif
}

typedef struct {
    int per_channel;
    int shift, two_sided;
} tk_fully_connected_blocks_dsp_shape;

/* One row of inputs, as many as divide by four. unpacked: 2 bytes an input. One multiplier and jump serve all outputs
 * unless `per_channel`. */
TK_INLINE void tk_fully_connected_blocks_dsp(const tk_fully_connected_blocks_dsp_shape *s, const int8_t *input,
                                             int8_t *output, uint32_t *unpacked, const int32_t *weights,
                                             int32_t offset, int32_t multiplier, int32_t jump, int32_t inputs,
                                             int32_t outputs) {
    const uint32_t *w = (const uint32_t *)weights;
    uint32_t *x = unpacked;
    TK_UNROLL(2)
    for (const int8_t *end = input + inputs; input != end; input += 4, x += 2) {
        const uint32_t four = tk_load_word(input);
        x[0] = tk_odd_bytes(four);
        x[1] = tk_both_bytes(four, x[0]);
    }
    for (const int8_t *end = output + outputs; output != end; output++) {
        const int32_t sum = tk_block_row(&w, unpacked);
        const int32_t *q = (const int32_t *)w;
        w += 1 + (s->per_channel ? 1 + s->two_sided : 0);
        *output =
            tk_requantize_dsp(s->shift, s->two_sided, tk_wrapped_sum(q[0], sum), s->per_channel ? q[1] : multiplier,
                              s->per_channel && s->two_sided ? q[2] : jump, offset);
    }
}
