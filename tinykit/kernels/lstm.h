/* UNIDIRECTIONAL_SEQUENCE_LSTM: its four gates at a time, unit by unit. */

#include "sigmoid.h"
#include "wide.h"

typedef struct {
    int batches, steps, depth, units;
    int batch_stride, step_stride; /* vectors from one batch, and from one moment, to the next */
    int cell_left, cell_right;     /* how the cell's state is scaled for its tanh */
    int cell_clip;                 /* negative for none */
    int wide_input, wide_hidden;
} tk_lstm_shape;

enum { TK_INPUT_GATE, TK_FORGET_GATE, TK_CELL_GATE, TK_OUTPUT_GATE };

TK_INLINE int32_t tk_saturate_int16(int32_t value) {
    return tk_clamp(value, INT16_MIN, INT16_MAX);
}

/* A gate's result from its two sums, requantized to 12 fractional bits. */
TK_INLINE int32_t tk_lstm_gate(int gate, int32_t of_input, int32_t of_hidden, const TK_FLASH uint16_t *sigmoid) {
    const int32_t steps = 3 * tk_saturate_int16(tk_saturate_int16(of_input) + tk_saturate_int16(of_hidden));
    return gate == TK_CELL_GATE ? tk_tanh_of(steps, sigmoid) : tk_logistic_of(steps, sigmoid);
}

/*
 * The new cell state and, returned, tanh of it times the output gate. scales: multiplier and right shift of forget
 * gate times cell, of input gate times cell gate, and of the output.
 */
TK_INLINE int32_t tk_lstm_unit(const tk_lstm_shape *s, const int32_t *gates, int16_t *cell,
                               const TK_FLASH int32_t *scales, const TK_FLASH uint16_t *sigmoid) {
    const int32_t kept = tk_saturate_int16(tk_scale(gates[TK_FORGET_GATE] * *cell, scales[0], (int)scales[1]));
    const int32_t added =
        tk_saturate_int16(tk_scale(gates[TK_INPUT_GATE] * gates[TK_CELL_GATE], scales[2], (int)scales[3]));
    int32_t state = tk_saturate_int16(kept + added);
    if (s->cell_clip >= 0) {
        state = tk_clamp(state, -s->cell_clip, s->cell_clip);
    }
    *cell = (int16_t)state;
    const int32_t squashed = tk_tanh_of(tk_sigmoid_steps(state, s->cell_left, s->cell_right), sigmoid);
    return tk_scale(squashed * gates[TK_OUTPUT_GATE], scales[4], (int)scales[5]);
}

/*
 * Weights and biases: units x gates (x depth, x units). The output serves as the new hidden state until all units
 * have read the old one. gate_scales: for each gate multiplier and right shift of its input's and of its hidden
 * state's sum.
 */
TK_INLINE void tk_lstm(const tk_lstm_shape *s, const int8_t *input, int8_t *hidden, int16_t *cell, int8_t *output,
                       const TK_FLASH int8_t *input_weights, const TK_FLASH int8_t *hidden_weights,
                       const TK_FLASH int32_t *input_bias, const TK_FLASH int32_t *hidden_bias,
                       const TK_FLASH int32_t *gate_scales, const TK_FLASH int32_t *scales,
                       const TK_FLASH uint16_t *sigmoid, int32_t zero_point) {
    for (int batch = 0; batch < s->batches; batch++, hidden += s->units, cell += s->units) {
        for (int step = 0; step < s->steps; step++) {
            const int vector = batch * s->batch_stride + step * s->step_stride;
            int8_t *fresh = output + vector * s->units;
            for (int unit = 0; unit < s->units; unit++) {
                int32_t ins[4], backs[4], gates[4];
                for (int gate = 0; gate < 4; gate++) {
                    ins[gate] = input_bias[4 * unit + gate];
                    backs[gate] = hidden_bias[4 * unit + gate];
                }
                tk_dot(4, input + vector * s->depth, input_weights + 4 * unit * s->depth, s->depth, s->depth, ins);
                tk_dot(4, hidden, hidden_weights + 4 * unit * s->units, s->units, s->units, backs);
                for (int gate = 0; gate < 4; gate++) {
                    const TK_FLASH int32_t *scale = gate_scales + 4 * gate;
                    gates[gate] = tk_lstm_gate(gate, tk_scale(ins[gate], scale[0], (int)scale[1]),
                                               tk_scale(backs[gate], scale[2], (int)scale[3]), sigmoid);
                }
                fresh[unit] = (int8_t)tk_clamp(tk_lstm_unit(s, gates, cell + unit, scales, sigmoid) + zero_point,
                                               INT8_MIN, INT8_MAX);
            }
            for (int unit = 0; unit < s->units; unit++) {
                hidden[unit] = fresh[unit];
            }
        }
    }
}

/* The same of int16 activations; a wide bias has two words. */
TK_INLINE void tk_lstm_int16(const tk_lstm_shape *s, const int16_t *input, int16_t *hidden, int16_t *cell,
                             int16_t *output, const TK_FLASH int8_t *input_weights,
                             const TK_FLASH int8_t *hidden_weights, const TK_FLASH int32_t *input_bias,
                             const TK_FLASH int32_t *gate_scales, const TK_FLASH int32_t *scales,
                             const TK_FLASH uint16_t *sigmoid) {
    for (int batch = 0; batch < s->batches; batch++, hidden += s->units, cell += s->units) {
        for (int step = 0; step < s->steps; step++) {
            const int vector = batch * s->batch_stride + step * s->step_stride;
            int16_t *fresh = output + vector * s->units;
            for (int unit = 0; unit < s->units; unit++) {
                int32_t gates[4];
                for (int gate = 0; gate < 4; gate++) {
                    const int row = 4 * unit + gate;
                    const TK_FLASH int32_t *scale = gate_scales + 4 * gate;
                    const int64_t in =
                        tk_wide_dot(s->wide_input, input + vector * s->depth, 1, input_weights + row * s->depth,
                                    s->depth, tk_wide_bias(s->wide_input, input_bias, row));
                    const int64_t back =
                        tk_wide_dot(s->wide_hidden, hidden, 1, hidden_weights + row * s->units, s->units, 0);
                    gates[gate] = tk_lstm_gate(
                        gate, tk_wide_requantize(1, in, scale[0], (int)scale[1], INT16_MIN, INT16_MAX),
                        tk_wide_requantize(1, back, scale[2], (int)scale[3], INT16_MIN, INT16_MAX), sigmoid);
                }
                fresh[unit] = (int16_t)tk_saturate_int16(tk_lstm_unit(s, gates, cell + unit, scales, sigmoid));
            }
            for (int unit = 0; unit < s->units; unit++) {
                hidden[unit] = fresh[unit];
            }
        }
    }
}
