/* Comparisons with broadcast, and SELECT_V2; a bool is one byte, 0 or 1. Portable. */

#include "broadcast.h"

enum { TK_EQUAL, TK_NOT_EQUAL, TK_LESS, TK_LESS_EQUAL, TK_GREATER, TK_GREATER_EQUAL };

/* What the relation makes of the order of two values: below, equal, above, or (NaN) none of them. */
TK_INLINE uint8_t tk_relation(int operation, int below, int equal, int above) {
    switch (operation) {
    case TK_EQUAL:
        return (uint8_t)equal;
    case TK_NOT_EQUAL:
        return (uint8_t)!equal;
    case TK_LESS:
        return (uint8_t)below;
    case TK_LESS_EQUAL:
        return (uint8_t)(below || equal);
    case TK_GREATER:
        return (uint8_t)above;
    default:
        return (uint8_t)(above || equal);
    }
}

typedef struct {
    int sizes[6], first_strides[6], second_strides[6];
    int type, operation;
} tk_compare_shape;

TK_INLINE void tk_compare(const tk_compare_shape *s, const void *first, const void *second, uint8_t *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = tk_load(s->type, first, tk_place(s->first_strides, at));
        const int32_t b = tk_load(s->type, second, tk_place(s->second_strides, at));
        output[i++] = tk_relation(s->operation, (a < b), (a == b), (a > b));
    }
}

TK_INLINE void tk_compare_int64(const tk_compare_shape *s, const int64_t *first, const int64_t *second,
                                uint8_t *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int64_t a = first[tk_place(s->first_strides, at)];
        const int64_t b = second[tk_place(s->second_strides, at)];
        output[i++] = tk_relation(s->operation, (a < b), (a == b), (a > b));
    }
}

TK_INLINE void tk_compare_float(const tk_compare_shape *s, const float *first, const float *second, uint8_t *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const float a = first[tk_place(s->first_strides, at)];
        const float b = second[tk_place(s->second_strides, at)];
        output[i++] = tk_relation(s->operation, (a < b), (a >= b && a <= b), (a > b));
    }
}

/* Quantized operands, brought to one scale with 8 more bits. */
TK_INLINE void tk_compare_quantized(const tk_compare_shape *s, const int8_t *first, const int8_t *second,
                                    uint8_t *output, int32_t first_zero_point, int32_t first_multiplier,
                                    int32_t first_shift, int32_t second_zero_point, int32_t second_multiplier,
                                    int32_t second_shift) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = tk_scale((first[tk_place(s->first_strides, at)] - first_zero_point) * 256, first_multiplier,
                                   (int)first_shift);
        const int32_t b = tk_scale((second[tk_place(s->second_strides, at)] - second_zero_point) * 256,
                                   second_multiplier, (int)second_shift);
        output[i++] = tk_relation(s->operation, (a < b), (a == b), (a > b));
    }
}

typedef struct {
    int sizes[6], first_strides[6], second_strides[6], third_strides[6];
    int type;
} tk_select_shape;

/* first: the condition; second and third: what it chooses from. */
TK_INLINE void tk_select(const tk_select_shape *s, const uint8_t *first, const void *second, const void *third,
                         void *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = tk_load(s->type, second, tk_place(s->second_strides, at));
        const int32_t b = tk_load(s->type, third, tk_place(s->third_strides, at));
        tk_store(s->type, output, i++, first[tk_place(s->first_strides, at)] ? a : b);
    }
}

TK_INLINE void tk_select_float(const tk_select_shape *s, const uint8_t *first, const float *second,
                               const float *third, float *output) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const float a = second[tk_place(s->second_strides, at)];
        const float b = third[tk_place(s->third_strides, at)];
        output[i++] = first[tk_place(s->first_strides, at)] ? a : b;
    }
}
