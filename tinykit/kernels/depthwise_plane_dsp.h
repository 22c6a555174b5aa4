/* DEPTHWISE_CONV_2D 3 x 3 in place for cores with the DSP extension, a channel at a time.
 *
 * A channel is copied into a plane of int16 with its padding: one word is then a pair of neighbours for SMLAD, and
 * the outputs may take the inputs' place. Weights enter 256 times as large, which is the fraction of the
 * requantization.
 */

#include "dsp.h"

typedef struct {
    int pitch, shift;
} tk_depthwise_plane_dsp_shape;

/* A channel's nine weights as pairs of neighbours. */
typedef struct {
    uint32_t w01, w12, w34, w45, w67, w78;
    int32_t bias;
    struct {
        int32_t multiplier, offset;
    } scaling;
} tk_plane_channel;

TK_INLINE uint32_t tk_weight_pair(const int8_t *w) {
    return tk_halves(w[0] * 256, w[1] * 256);
}

/* sum + low half of x * high half of y. */
TK_INLINE int32_t tk_add_low_high(uint32_t x, uint32_t y, int32_t sum) {
#if TK_DSP
    int32_t z;
    __asm__("smlabt %0, %1, %2, %3" : "=r"(z) : "r"(x), "r"(y), "r"(sum));
    return z;
#else
    return tk_wrapped_sum(sum, tk_low_half(x) * tk_high_half(y));
#endif
}

/* The output whose window's first row starts at x, which is an even column; `pitch` halves from row to row. */
TK_INLINE int8_t tk_plane_output(int pitch, int shift, const uint32_t *x, const tk_plane_channel *k) {
    int32_t sum = tk_add_low_high(x[1], k->w12, tk_add_dot(x[0], k->w01, k->bias));
    x += pitch / 2;
    sum = tk_add_low_high(x[1], k->w45, tk_add_dot(x[0], k->w34, sum));
    x += pitch / 2;
    sum = tk_add_low_high(x[1], k->w78, tk_add_dot(x[0], k->w67, sum));
    return tk_requantize_dsp(shift, 0, sum, k->scaling.multiplier, 0, k->scaling.offset);
}

/* `pairs` (at least one) of outputs, `step` bytes apart. */
TK_INLINE int8_t *tk_plane_pairs(int pitch, int shift, const uint32_t *x, int pairs, const tk_plane_channel *k,
                                 int8_t *to, int step) {
#if TK_DSP
    const uint32_t *volatile end = x + pairs;
    uint32_t a, b;
    int32_t s, t;
    __asm__ volatile("1:\n\t"
                     "ldrd %[a], %[b], [%[x]]\n\t"
                     "ldr %[t], %[bias]\n\t"
                     "smlad %[s], %[a], %[w01], %[t]\n\t"
                     "smlatb %[t], %[a], %[w01], %[t]\n\t"
                     "smlad %[t], %[b], %[w12], %[t]\n\t"
                     "smlabt %[s], %[b], %[w12], %[s]\n\t"
                     "ldrd %[a], %[b], [%[x], %[pitch] * 2]\n\t"
                     "smlad %[s], %[a], %[w34], %[s]\n\t"
                     "smlatb %[t], %[a], %[w34], %[t]\n\t"
                     "smlad %[t], %[b], %[w45], %[t]\n\t"
                     "smlabt %[s], %[b], %[w45], %[s]\n\t"
                     "ldrd %[a], %[b], [%[x], %[pitch] * 4]\n\t"
                     "smlad %[s], %[a], %[w67], %[s]\n\t"
                     "smlatb %[t], %[a], %[w67], %[t]\n\t"
                     "smlad %[t], %[b], %[w78], %[t]\n\t"
                     "smlabt %[s], %[b], %[w78], %[s]\n\t"
                     "ldrd %[a], %[b], %[constants]\n\t"
                     "add %[x], %[x], #4\n\t"
                     "smmla %[s], %[s], %[a], %[b]\n\t"
                     "smmla %[t], %[t], %[a], %[b]\n\t"
                     "ldr %[a], %[end]\n\t"
                     "ssat %[s], #8, %[s], asr %[shift]\n\t"
                     "ssat %[t], #8, %[t], asr %[shift]\n\t"
                     "strb %[s], [%[to]]\n\t"
                     "strb %[t], [%[to], %[step]]\n\t"
                     "add %[to], %[to], %[step], lsl #1\n\t"
                     "cmp %[x], %[a]\n\t"
                     "bne 1b"
                     : [x] "+r"(x), [to] "+r"(to), [a] "=&r"(a), [b] "=&r"(b), [s] "=&r"(s), [t] "=&r"(t)
                     : [w01] "r"(k->w01), [w12] "r"(k->w12), [w34] "r"(k->w34), [w45] "r"(k->w45), [w67] "r"(k->w67),
                       [w78] "r"(k->w78), [step] "r"(step), [constants] "m"(k->scaling), [bias] "m"(k->bias),
                       [end] "m"(end), [shift] "i"(shift), [pitch] "i"(pitch)
                     : "cc", "memory");
#else
    for (int i = 0; i < pairs; i++, x++, to += 2 * step) {
        int32_t sum = k->bias;
        const uint32_t pairs_of_weights[3][2] = {{k->w01, k->w12}, {k->w34, k->w45}, {k->w67, k->w78}};
        for (int y = 0; y < 3; y++) {
            const uint32_t *row = x + y * pitch / 2;
            sum = tk_wrapped_sum(sum, tk_high_half(row[0]) * tk_low_half(pairs_of_weights[y][0]));
            sum = tk_add_dot(row[1], pairs_of_weights[y][1], sum);
        }
        to[0] = tk_plane_output(pitch, shift, x, k);
        to[step] = tk_requantize_dsp(shift, 0, sum, k->scaling.multiplier, 0, k->scaling.offset);
    }
#endif
    return to;
}

/* Copy a channel of the image into the plane, a row and a column from its corner; `step` bytes between neighbours. */
TK_INLINE void tk_plane_fill(int pitch, const int8_t *from, uint32_t *plane, int height, int width, int step) {
    plane += pitch / 2;
    for (int y = 0; y < height; y++, plane += pitch / 2) {
        uint32_t *to = plane;
        const int8_t *end = from + width * step;
        *to = (*to & 0xFFFFu) | ((uint32_t)*from << 16);
        from += step;
        to++;
        TK_UNROLL(2)
        for (int i = (width - 1) / 2; i > 0; i--) {
            const int32_t first = *from;
            from += step;
            *to++ = tk_halves(first, *from);
            from += step;
        }
        if (from != end) {
            *to = (*to & 0xFFFF0000u) | (uint16_t)*from;
            from += step;
        }
    }
}

/*
 * Stride 1 with a pixel of padding all around, so that the output is as large as the input and takes its place.
 * weights: nine a channel; parameters: bias' and multiplier of each. plane: height + 2 rows of `pitch` int16, an even
 * number of at least width + 2; more is read, never used.
 */
TK_INLINE void tk_depthwise_plane_dsp(const tk_depthwise_plane_dsp_shape *s, int8_t *image, uint32_t *plane,
                                      const int8_t *weights, const int32_t *parameters, int32_t offset,
                                      int32_t zero_point, int32_t height, int32_t width, int32_t channels) {
    const int pitch = s->pitch, shift = s->shift;
    const uint32_t padding = tk_halves(zero_point, zero_point);
    for (int32_t i = 0; i < (height + 2) * (pitch / 2); i++) {
        plane[i] = padding;
    }
    for (int32_t channel = 0; channel < channels; channel++, weights += 9, parameters += 2) {
        const tk_plane_channel k = {tk_weight_pair(weights),
                                    tk_weight_pair(weights + 1),
                                    tk_weight_pair(weights + 3),
                                    tk_weight_pair(weights + 4),
                                    tk_weight_pair(weights + 6),
                                    tk_weight_pair(weights + 7),
                                    parameters[0],
                                    {parameters[1], offset}};
        const uint32_t *row = plane;
        int8_t *to = image + channel;
        tk_plane_fill(pitch, image + channel, plane, (int)height, (int)width, (int)channels);
        for (int32_t y = 0; y < height; y++, row += pitch / 2) {
            if (width > 1) {
                to = tk_plane_pairs(pitch, shift, row, (int)width / 2, &k, to, (int)channels);
            }
            if (width & 1) {
                *to = tk_plane_output(pitch, shift, row + width / 2, &k);
                to += channels;
            }
        }
    }
}
