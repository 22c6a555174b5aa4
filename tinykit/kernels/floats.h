/* float32 sums as TFLM builds them: every product and every sum is rounded, in its order. */

#include "common.h"

/* A product that is rounded before it is added, also where the compiler may fuse the two (as with -std=gnu99). */
TK_INLINE float tk_product(float a, float b) {
    float product = a * b;
#if defined(__GNUC__) && (defined(__FP_FAST_FMAF) || defined(__ARM_FEATURE_FMA) || defined(__FMA__))
#if defined(__arm__)
    __asm__("" : "+t"(product));
#elif defined(__x86_64__)
    __asm__("" : "+x"(product));
#elif defined(__aarch64__)
    __asm__("" : "+w"(product));
#elif defined(__riscv)
    __asm__("" : "+f"(product));
#else
    __asm__("" : "+m"(product));
#endif
#endif
    return product;
}

/* limits: the least and greatest result; NaN passes. */
TK_INLINE float tk_clamp_float(float value, const TK_FLASH float *limits) {
    const float raised = value < limits[0] ? limits[0] : value;
    return limits[1] < raised ? limits[1] : raised;
}

TK_INLINE float tk_dot_float(const float *values, const TK_FLASH float *weights, int length, float sum) {
    for (int i = 0; i < length; i++) {
        sum += tk_product(values[i], weights[i]);
    }
    return sum;
}
