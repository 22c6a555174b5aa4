/* One value in, one value out: tables, clamps and conversions between types. */

#include "values.h"

typedef struct {
    int count;
    int from, to;
} tk_elementwise_shape;

/* table: the result for each input byte, taken as unsigned. */
TK_INLINE void tk_lookup(const tk_elementwise_shape *s, const int8_t *input, int8_t *output,
                         const TK_FLASH int8_t *table) {
    for (int i = 0; i < s->count; i++) {
        output[i] = table[(uint8_t)input[i]];
    }
}

/* low and high are values of the type. */
TK_INLINE void tk_clamp_values(const tk_elementwise_shape *s, const void *input, void *output, int32_t low,
                               int32_t high) {
    for (int i = 0; i < s->count; i++) {
        tk_store(s->from, output, i, tk_clamp(tk_load(s->from, input, i), low, high));
    }
}

/* tk_lookup with wider results. */
TK_INLINE void tk_lookup_int16(const tk_elementwise_shape *s, const uint8_t *input, int16_t *output,
                               const TK_FLASH int16_t *table) {
    for (int i = 0; i < s->count; i++) {
        output[i] = table[input[i]];
    }
}

/* From one quantization to another; shift is to the right; low and high are before the zero point is added. */
TK_INLINE void tk_requantize_values(const tk_elementwise_shape *s, const void *input, void *output,
                                    int32_t input_zero_point, int32_t multiplier, int32_t shift,
                                    int32_t output_zero_point, int32_t low, int32_t high) {
    for (int i = 0; i < s->count; i++) {
        const int32_t scaled = tk_scale(tk_load(s->from, input, i) - input_zero_point, multiplier, (int)shift);
        tk_store(s->to, output, i, tk_clamp(scaled, low, high) + output_zero_point);
    }
}

/* value / scale, to nearest, halves away from zero, plus the zero point; saturates; NaN becomes the zero point. */
TK_INLINE int32_t tk_quantized(float value, float scale, int32_t zero_point, int32_t low, int32_t high) {
    const float limit = 131072.0f;
    float steps = value / scale;
    if (!(steps > -limit)) {
        steps = steps < 0.0f ? -limit : 0.0f;
    }
    if (steps > limit) {
        steps = limit;
    }
    int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole;
    if (rest >= 0.5f) {
        whole++;
    } else if (rest <= -0.5f) {
        whole--;
    }
    return tk_clamp(whole + zero_point, low, high);
}

/* scale: one float in flash. */
TK_INLINE void tk_quantize_float(const tk_elementwise_shape *s, const float *input, int8_t *output,
                                 const float *scale, int32_t zero_point) {
    for (int i = 0; i < s->count; i++) {
        output[i] = (int8_t)tk_quantized(input[i], *scale, zero_point, INT8_MIN, INT8_MAX);
    }
}

TK_INLINE void tk_quantize_float_int16(const tk_elementwise_shape *s, const float *input, int16_t *output,
                                       const float *scale, int32_t zero_point) {
    for (int i = 0; i < s->count; i++) {
        output[i] = (int16_t)tk_quantized(input[i], *scale, zero_point, INT16_MIN, INT16_MAX);
    }
}

/* The product is exact before its one rounding to float, as TFLM's through double is. */
TK_INLINE void tk_dequantize(const tk_elementwise_shape *s, const int8_t *input, float *output, const float *scale,
                             int32_t zero_point) {
    for (int i = 0; i < s->count; i++) {
        output[i] = *scale * (float)(input[i] - zero_point);
    }
}

TK_INLINE void tk_dequantize_uint8(const tk_elementwise_shape *s, const uint8_t *input, float *output,
                                   const float *scale, int32_t zero_point) {
    for (int i = 0; i < s->count; i++) {
        output[i] = *scale * (float)(input[i] - zero_point);
    }
}

TK_INLINE void tk_dequantize_int16(const tk_elementwise_shape *s, const int16_t *input, float *output,
                                   const float *scale, int32_t zero_point) {
    for (int i = 0; i < s->count; i++) {
        output[i] = *scale * (float)(input[i] - zero_point);
    }
}
