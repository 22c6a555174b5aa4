/* ADD, SUB and SQUARED_DIFFERENCE of quantized operands with broadcast, portable. */

#include "broadcast.h"

typedef struct {
    int sizes[6], first_strides[6], second_strides[6];
    int type, operation;
    int left;
    int first_is_half, second_is_half;
    int down;
} tk_add_shape;

/* An operand with `left` more bits, times its scale; where it has more bits, a multiplier of one half is a shift. */
TK_INLINE int32_t tk_add_operand(int left, int is_half, int32_t value, int32_t multiplier, int right) {
    if (left == 0) {
        return tk_scale(value, multiplier, right);
    }
    if (is_half) {
        return value * ((int32_t)1 << (left - 1));
    }
    return tk_scale_down(value * ((int32_t)1 << left), multiplier, right);
}

TK_INLINE int32_t tk_combined(int operation, int32_t x, int32_t y) {
    if (operation == TK_ADD) {
        return x + y;
    }
    return operation == TK_SUB ? x - y : (x - y) * (x - y);
}

/* sizes: of the output, outermost first; strides: of the operands, 0 where one is broadcast. */
TK_INLINE void tk_add(const tk_add_shape *s, const void *first, const void *second, void *output,
                      int32_t first_zero_point, int32_t first_multiplier, int32_t first_shift,
                      int32_t second_zero_point, int32_t second_multiplier, int32_t second_shift, int32_t multiplier,
                      int32_t shift, int32_t output_zero_point, int32_t low, int32_t high) {
    int at[6], i = 0;
    TK_EACH(s->sizes, at) {
        const int32_t a = tk_load(s->type, first, tk_place(s->first_strides, at)) - first_zero_point;
        const int32_t b = tk_load(s->type, second, tk_place(s->second_strides, at)) - second_zero_point;
        const int32_t x = tk_add_operand(s->left, s->first_is_half, a, first_multiplier, (int)first_shift);
        const int32_t y = tk_add_operand(s->left, s->second_is_half, b, second_multiplier, (int)second_shift);
        const int32_t sum = tk_combined(s->operation, x, y);
        const int32_t scaled = tk_rescale(s->down, sum, multiplier, (int)shift);
        tk_store(s->type, output, i++, tk_clamp(scaled + output_zero_point, low, high));
    }
}
