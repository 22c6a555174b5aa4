/* ADD and AVERAGE_POOL_2D for cores with the DSP extension. */

#include "dsp.h"

/* offset + (a * low half) / 2^16 */
TK_INLINE int32_t tk_add_scaled_low(int32_t a, uint32_t x, int32_t offset) {
#if TK_DSP
    int32_t z;
    __asm__("smlawb %0, %1, %2, %3" : "=r"(z) : "r"(a), "r"(x), "r"(offset));
    return z;
#else
    return tk_wrapped_sum(offset, (int32_t)(((int64_t)a * tk_low_half(x)) >> 16));
#endif
}

/* offset + (a * high half) / 2^16 */
TK_INLINE int32_t tk_add_scaled_high(int32_t a, uint32_t x, int32_t offset) {
#if TK_DSP
    int32_t z;
    __asm__("smlawt %0, %1, %2, %3" : "=r"(z) : "r"(a), "r"(x), "r"(offset));
    return z;
#else
    return tk_wrapped_sum(offset, (int32_t)(((int64_t)a * tk_high_half(x)) >> 16));
#endif
}

typedef struct {
    int shift;
} tk_add_dsp_shape;

/* One value of each operand, in the upper byte of a half: offset + a * x + b * y, shifted and saturated. */
TK_INLINE int8_t tk_add_low(int shift, uint32_t x, uint32_t y, int32_t a, int32_t b, int32_t offset) {
    return tk_saturate(tk_add_scaled_low(b, y, tk_add_scaled_low(a, x, offset)), shift);
}

TK_INLINE int8_t tk_add_high(int shift, uint32_t x, uint32_t y, int32_t a, int32_t b, int32_t offset) {
    return tk_saturate(tk_add_scaled_high(b, y, tk_add_scaled_high(a, x, offset)), shift);
}

/* The sum of two tensors of one shape, over either of which the output may lie; a, b, offset: see elementwise_dsp.py.
 */
TK_INLINE void tk_add_dsp(const tk_add_dsp_shape *s, const int8_t *first, const int8_t *second, int8_t *output,
                          int32_t a, int32_t b, int32_t offset, int32_t count) {
    const uint32_t mask = 0xFF00FF00u;
    const int8_t *end = first + (count & ~3);
    for (; first != end; first += 4, second += 4, output += 4) {
        const uint32_t u = tk_load_word(first), v = tk_load_word(second);
        const uint32_t even_u = (u << 8) & mask, even_v = (v << 8) & mask, odd_u = u & mask, odd_v = v & mask;
        output[0] = tk_add_low(s->shift, even_u, even_v, a, b, offset);
        output[1] = tk_add_low(s->shift, odd_u, odd_v, a, b, offset);
        output[2] = tk_add_high(s->shift, even_u, even_v, a, b, offset);
        output[3] = tk_add_high(s->shift, odd_u, odd_v, a, b, offset);
    }
    for (int32_t i = 0; i < (count & 3); i++) {
        const uint32_t x = (uint32_t)(uint8_t)first[i] << 8, y = (uint32_t)(uint8_t)second[i] << 8;
        output[i] = tk_add_low(s->shift, x, y, a, b, offset);
    }
}

typedef struct {
    int pixels, low, high;
} tk_average_all_dsp_shape;

/* sum / pixels, halves away from zero, clamped. */
TK_INLINE int8_t tk_average(const tk_average_all_dsp_shape *s, int32_t sum) {
    const int32_t half = s->pixels / 2;
    return (int8_t)tk_clamp((sum > 0 ? sum + half : sum - half) / s->pixels, s->low, s->high);
}

/* halves of `sums`, which do not overflow, plus the halves of x. */
TK_INLINE uint32_t tk_add_halves(uint32_t sums, uint32_t x) {
#if TK_DSP
    uint32_t z;
    __asm__("sadd16 %0, %1, %2" : "=r"(z) : "r"(sums), "r"(x));
    return z;
#else
    return tk_halves(tk_low_half(sums) + tk_low_half(x), tk_high_half(sums) + tk_high_half(x));
#endif
}

/* AVERAGE_POOL_2D whose window is the whole image of at most 255 pixels, four channels at a time. */
TK_INLINE void tk_average_all_dsp(const tk_average_all_dsp_shape *s, const int8_t *input, int8_t *output,
                                  int32_t channels) {
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        uint32_t even = 0, odd = 0;
        const int8_t *from = input + channel;
        TK_UNROLL(2)
        for (int i = 0; i < s->pixels; i++, from += channels) {
            const uint32_t word = tk_load_word(from);
            even = tk_add_halves(even, tk_even_bytes(word));
            odd = tk_add_halves(odd, tk_odd_bytes(word));
        }
        output[channel] = tk_average(s, tk_low_half(even));
        output[channel + 1] = tk_average(s, tk_low_half(odd));
        output[channel + 2] = tk_average(s, tk_high_half(even));
        output[channel + 3] = tk_average(s, tk_high_half(odd));
    }
    for (; channel < channels; channel++) {
        int32_t sum = 0;
        for (int i = 0; i < s->pixels; i++) {
            sum += input[i * channels + channel];
        }
        output[channel] = tk_average(s, sum);
    }
}
