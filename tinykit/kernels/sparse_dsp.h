/* Rows of few weights for cores with the DSP extension: zeros are neither stored nor multiplied.
 *
 * Inputs are int16 in scratch, several times: in their own order, then every second, then every third ... Neighbours
 * there are one load for one SMLAD, so that two weights of a row that lie near each other are one entry. An entry
 * says in a byte how many bytes its inputs lie behind those of the entry before.
 *
 * A row's stream:
 *
 *     bias', control of pairs, control of singles(, multiplier(, jump))
 *     units of pairs:   {four steps, weights of entries 0 and 1, weights of entries 2 and 3}
 *     units of singles: {four steps, weights of entries 0, 2, 1, 3}
 *
 * A control word holds the bytes of its units in the upper half, and in the lower one where the first turn of the
 * unrolled loop starts, in bytes of code: units and entries that are not there are jumped over.
 */

#include "dsp.h"

/* The upper halves of two words. */
TK_INLINE uint32_t tk_upper_halves(uint32_t low, uint32_t high) {
#if TK_DSP
    uint32_t y;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(y) : "r"(high), "r"(low));
    return y;
#else
    return (low >> 16) | (high & 0xFFFF0000u);
#endif
}

#define TK_SPARSE_UNITS 8
#define TK_PAIR_BYTES 16
#define TK_PAIR_UNIT_BYTES (4 + 4 * TK_PAIR_BYTES)
#define TK_SINGLES_BYTES 28
#define TK_SINGLE_UNIT_BYTES (4 + 2 * TK_SINGLES_BYTES)

#if TK_DSP
TK_INLINE int32_t tk_sparse_pairs(const uint32_t **stream, uint32_t control, const int16_t *x, int32_t sum) {
    const uint32_t *w = *stream, *end = (const uint32_t *)((const char *)w + (control >> 16));
    uint32_t t = control & 0xFFFFu, v;
    __asm__("ldmia.w %[w]!, {r0-r2}\n\t"
            "add pc, %[t]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept %c[units]\n\t"
            "ldmia.w %[w]!, {r0-r2}\n\t"
            "uxtab %[x], %[x], r0\n\t"
            "sxtb16 %[t], r1\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlad %[sum], %[t], %[v], %[sum]\n\t"
            "uxtab %[x], %[x], r0, ror #8\n\t"
            "sxtb16 %[t], r1, ror #8\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlad %[sum], %[t], %[v], %[sum]\n\t"
            "uxtab %[x], %[x], r0, ror #16\n\t"
            "sxtb16 %[t], r2\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlad %[sum], %[t], %[v], %[sum]\n\t"
            "uxtab %[x], %[x], r0, ror #24\n\t"
            "sxtb16 %[t], r2, ror #8\n\t"
            "ldr.w %[v], [%[x]]\n\t"
            "smlad %[sum], %[t], %[v], %[sum]\n\t"
            ".endr\n\t"
            "cmp %[w], %[end]\n\t"
            "bne 1b"
            : [w] "+r"(w), [x] "+r"(x), [t] "+r"(t), [v] "=&r"(v), [sum] "+r"(sum)
            : [end] "r"(end), [units] "i"(TK_SPARSE_UNITS)
            : "r0", "r1", "r2", "cc", "memory");
    *stream = w;
    return sum;
}

TK_INLINE int32_t tk_sparse_singles(const uint32_t **stream, uint32_t control, const int16_t *x, int32_t sum) {
    const uint32_t *w = *stream, *end = (const uint32_t *)((const char *)w + (control >> 16));
    uint32_t t = control & 0xFFFFu, v;
    __asm__("ldmia.w %[w]!, {r0-r1}\n\t"
            "add pc, %[t]\n\t"
            "nop\n"
            "1:\n\t"
            ".rept %c[units]\n\t"
            "ldmia.w %[w]!, {r0-r1}\n\t"
            "uxtab %[x], %[x], r0\n\t"
            "sxtb16 %[t], r1\n\t"
            "ldrh.w %[v], [%[x]]\n\t"
            "uxtab %[x], %[x], r0, ror #8\n\t"
            "smlabb %[sum], %[t], %[v], %[sum]\n\t"
            "ldrh.w %[v], [%[x]]\n\t"
            "smlatb %[sum], %[t], %[v], %[sum]\n\t"
            "uxtab %[x], %[x], r0, ror #16\n\t"
            "sxtb16 %[t], r1, ror #8\n\t"
            "ldrh.w %[v], [%[x]]\n\t"
            "uxtab %[x], %[x], r0, ror #24\n\t"
            "smlabb %[sum], %[t], %[v], %[sum]\n\t"
            "ldrh.w %[v], [%[x]]\n\t"
            "smlatb %[sum], %[t], %[v], %[sum]\n\t"
            ".endr\n\t"
            "cmp %[w], %[end]\n\t"
            "bne 1b"
            : [w] "+r"(w), [x] "+r"(x), [t] "+r"(t), [v] "=&r"(v), [sum] "+r"(sum)
            : [end] "r"(end), [units] "i"(TK_SPARSE_UNITS)
            : "r0", "r1", "cc", "memory");
    *stream = w;
    return sum;
}
#else
/* Where the first unit's first entry is, of `entry` bytes of code each, in a unit of `unit` bytes. */
TK_INLINE int tk_sparse_first(uint32_t control, int unit, int entry) {
    return ((int)(control & 0xFFFFu) - 4) % unit / entry;
}

TK_INLINE int32_t tk_sparse_pairs(const uint32_t **stream, uint32_t control, const int16_t *x, int32_t sum) {
    const uint32_t *w = *stream, *const end = w + (control >> 18);
    const char *at = (const char *)x;
    for (int i = tk_sparse_first(control, TK_PAIR_UNIT_BYTES, TK_PAIR_BYTES); w != end; w += 3, i = 0) {
        for (; i < 4; i++) {
            uint32_t values;
            at += (w[0] >> (8 * i)) & 0xFFu;
            TK_COPY(&values, at, 4);
            sum = tk_add_dot(tk_even_bytes(w[1 + i / 2] >> (i % 2 * 8)), values, sum);
        }
    }
    *stream = w;
    return sum;
}

TK_INLINE int32_t tk_sparse_singles(const uint32_t **stream, uint32_t control, const int16_t *x, int32_t sum) {
    const uint32_t *w = *stream, *const end = w + (control >> 18);
    const char *at = (const char *)x;
    for (int i = 2 * tk_sparse_first(control, TK_SINGLE_UNIT_BYTES, TK_SINGLES_BYTES); w != end; w += 2, i = 0) {
        for (; i < 4; i++) {
            int16_t value;
            at += (w[0] >> (8 * i)) & 0xFFu;
            TK_COPY(&value, at, 2);
            sum = tk_wrapped_sum(sum, (int8_t)(uint8_t)(w[1] >> (i % 2 * 16 + i / 2 * 8)) * value);
        }
    }
    *stream = w;
    return sum;
}
#endif

/* `count` bytes as int16: every `step`-th from the first on, from the second on ... Returns where they end. */
TK_INLINE int16_t *tk_sparse_table(int16_t *x, const int8_t *input, int count, int step) {
    for (int first = 0; first < step; first++) {
        const int8_t *from = input + first;
        TK_UNROLL(8)
        for (int left = (count - first + step - 1) / step; left > 0; left--, from += step) {
            *x++ = *from;
        }
    }
    return x;
}

/* The first `tables` (at most 4) arrangements, one after the other; the first two, of fours of bytes, in words. */
TK_INLINE void tk_sparse_tables(int16_t *x, const int8_t *input, int count, int tables) {
    const int whole = count & ~3;
    int16_t *even = x + count, *odd = even + (count + 1) / 2;
    for (const int8_t *from = input, *end = input + whole; from != end; from += 4, x += 4) {
        const uint32_t four = tk_load_word(from), evens = tk_even_bytes(four), odds = tk_odd_bytes(four);
        const uint32_t words[2] = {tk_halves((int32_t)evens, (int32_t)odds), tk_upper_halves(evens, odds)};
        TK_COPY(x, words, 8);
        if (tables > 1) {
            TK_COPY(even, &evens, 4);
            TK_COPY(odd, &odds, 4);
            even += 2;
            odd += 2;
        }
    }
    for (int i = whole; i < count; i++) {
        *x++ = input[i];
        if (tables > 1) {
            *(i & 1 ? odd++ : even++) = input[i];
        }
    }
    if (tables > 2) {
        x = tk_sparse_table(x + count, input, count, 3);
    }
    if (tables > 3) {
        tk_sparse_table(x, input, count, 4);
    }
}

typedef struct {
    int per_channel;
    int shift, two_sided;
} tk_fully_connected_sparse_dsp_shape;

/* One row of inputs. tables: 2 bytes an input, `copies` times. One multiplier and jump serve all outputs unless
 * `per_channel`. */
TK_INLINE void tk_fully_connected_sparse_dsp(const tk_fully_connected_sparse_dsp_shape *s, const int8_t *input,
                                             int8_t *output, int16_t *tables, const int32_t *weights, int32_t offset,
                                             int32_t multiplier, int32_t jump, int32_t inputs, int32_t outputs,
                                             int32_t copies) {
    const uint32_t *w = (const uint32_t *)weights;
    tk_sparse_tables(tables, input, (int)inputs, (int)copies);
    for (const int8_t *end = output + outputs; output != end; output++) {
        const int32_t *q = (const int32_t *)w;
        w += 3 + (s->per_channel ? 1 + s->two_sided : 0);
        int32_t sum = tk_sparse_pairs(&w, (uint32_t)q[1], tables, 0);
        sum = tk_sparse_singles(&w, (uint32_t)q[2], tables, sum);
        *output = tk_requantize_dsp(s->shift, s->two_sided, tk_wrapped_sum(q[0], (int32_t)((uint32_t)sum << 8)),
                                    s->per_channel ? q[3] : multiplier, s->per_channel && s->two_sided ? q[4] : jump,
                                    offset);
    }
}
