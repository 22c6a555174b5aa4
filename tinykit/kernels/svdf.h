/* SVDF: one inference moves the memory of every filter on by one. */

#include "values.h"

typedef struct {
    int batches, depth, units, rank, memory;
    int type; /* of the state and of the weights of time */
    int low, high;
} tk_svdf_shape;

/*
 * The sums over time wrap around as TFLM's do. bias (of the features, zero point folded in): one a filter; state:
 * batches x filters x memory.
 */
TK_INLINE void tk_svdf(const tk_svdf_shape *s, const int8_t *input, void *state, int8_t *output,
                       const TK_FLASH int8_t *features, const TK_FLASH int32_t *feature_bias, const void *time,
                       const TK_FLASH int32_t *bias, int32_t state_zero_point, int32_t feature_multiplier,
                       int32_t feature_shift, int32_t multiplier, int32_t shift, int32_t zero_point) {
    int row = 0;
    for (int batch = 0; batch < s->batches; batch++, input += s->depth) {
        int filter = 0;
        for (int unit = 0; unit < s->units; unit++) {
            uint32_t sum = (uint32_t)bias[unit];
            for (int k = 0; k < s->rank; k++, filter++, row += s->memory) {
                int32_t feature = feature_bias[filter];
                tk_dot(1, input, features + filter * s->depth, 0, s->depth, &feature);
                feature = tk_clamp(tk_scale(feature, feature_multiplier, (int)feature_shift), s->low, s->high);
                for (int i = 0; i + 1 < s->memory; i++) {
                    tk_store(s->type, state, row + i, tk_load(s->type, state, row + i + 1));
                }
                tk_store(s->type, state, row + s->memory - 1, feature + state_zero_point);
                for (int i = 0; i < s->memory; i++) {
                    const int32_t value = tk_load(s->type, state, row + i) - state_zero_point;
                    sum += (uint32_t)tk_load(s->type, time, filter * s->memory + i) * (uint32_t)value;
                }
            }
            const int32_t scaled = tk_scale((int32_t)sum, multiplier, (int)shift);
            *output++ = (int8_t)tk_clamp(scaled + zero_point, INT8_MIN, INT8_MAX);
        }
    }
}
