"""UNIDIRECTIONAL_SEQUENCE_LSTM in portable C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.arithmetic import fully_connected_multiplier, quantize_multiplier, short_multiplier
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.graph.ops.unidirectional_sequence_lstm import (
    BIASES,
    CELL,
    GATE_SCALE,
    GATES,
    HIDDEN,
    HIDDEN_WEIGHTS,
    INPUT_WEIGHTS,
    RESULT_SCALE,
)
from tinykit.graph.sigmoid import power_of_two
from tinykit.kernels.registry import lowering
from tinykit.kernels.sigmoid import sigmoid_table
from tinykit.kernels.steps import INPUT, OUTPUT, Argument, fold_sums, make_step, scale, zero_point
from tinykit.plan.model import Constant, Pointer, Step
from tinykit.targets import Target


@lowering("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """All gates of a unit together: each input value is loaded once for the four."""
    x, hidden, cell = (graph.tensor(operator.inputs[i]) for i in (0, HIDDEN, CELL))
    y = graph.tensor(operator.outputs[0])
    depth, units, is_wide = x.shape[2], hidden.shape[1], x.dtype == "int16"
    steps, batches = x.shape[:2] if operator.options.time_major else x.shape[1::-1]
    gates = [_Gate(graph, operator, k) for k in range(GATES)]
    input_rows, hidden_rows = (_interleaved([g.weights[k] for g in gates]) for k in (0, 1))
    bias = _interleaved([g.bias[:, np.newaxis] for g in gates]).reshape(-1)
    left, right = _cell_steps(scale(cell))
    shape: dict[str, int | tuple[int, ...]] = {
        "batches": batches,
        "steps": steps,
        "depth": depth,
        "units": units,
        "batch_stride": 1 if operator.options.time_major else steps,
        "step_stride": batches if operator.options.time_major else 1,
        "cell_left": left,
        "cell_right": right,
        "cell_clip": _cell_clip(operator.options.cell_clip, scale(cell)),
        "wide_input": int(is_wide and _needs_64_bits(input_rows, bias)),
        "wide_hidden": int(is_wide and _needs_64_bits(hidden_rows, np.zeros(1, np.int64))),
    }
    between = [RESULT_SCALE, RESULT_SCALE**2 / scale(cell), RESULT_SCALE**2 / scale(hidden)]
    pairs = [quantize_multiplier(real) for real in between]
    tables: list[Argument] = [
        Constant("gate_scales", np.array([g.scales(is_wide) for g in gates], np.int32), 4),
        Constant("scales", np.array([(m, -s) for m, s in pairs], np.int32), 4),
        sigmoid_table(),
    ]
    if is_wide:
        function = "tk_lstm_int16"
        words = np.ascontiguousarray(bias, "<i8").view("<i4") if shape["wide_input"] else bias.astype(np.int32)
        terms: list[Argument] = [Constant("input_bias", words, 4)]
    else:
        function = "tk_lstm"
        terms = [
            Constant("input_bias", _interleaved([g.folded(0, x)[:, np.newaxis] for g in gates]), 4),
            Constant("hidden_bias", _interleaved([g.folded(1, hidden)[:, np.newaxis] for g in gates]), 4),
        ]
        tables.append(zero_point(hidden))
    weights = [Constant("input_weights", input_rows), Constant("hidden_weights", hidden_rows)]
    step = make_step(
        operator,
        target,
        function,
        shape,
        [INPUT, Pointer("state", 0), Pointer("state", 1), OUTPUT, *weights, *terms, *tables],
        macs=batches * steps * GATES * units * (depth + units),
        outputs=y.elements,
    )
    return [replace(step, states=(hidden.index, cell.index))]


class _Gate:
    """One gate's weights (of the input, of the hidden state), each (units, ...), its biases, multipliers and shifts."""

    def __init__(self, graph: Graph, operator: Operator, number: int) -> None:
        self._operator = operator
        tensors = [graph.tensor(operator.inputs[k + number]) for k in (INPUT_WEIGHTS, HIDDEN_WEIGHTS)]
        values = [graph.tensor(operator.inputs[k]) for k in (0, HIDDEN)]
        self.weights = [t.data for t in tensors if t.data is not None]
        self._bias = graph.tensor(operator.inputs[BIASES + number])
        self.bias = bias_values(self._bias, len(self.weights[0]))
        self._pairs = [
            fully_connected_multiplier(scale(v), scale(t), GATE_SCALE) for v, t in zip(values, tensors, strict=True)
        ]

    def scales(self, is_short: bool) -> list[int]:
        """Multiplier and right shift for the input's sum, and for the hidden state's."""
        return [n for m, s in self._pairs for n in (short_multiplier(m) if is_short else m, -s)]

    def folded(self, part: int, values: Tensor) -> np.ndarray:
        """Biases with the zero point of the input (`part` 0), or of the hidden state (1), folded in."""
        rows = self.weights[part].astype(np.int64)
        multiplier, shift = self._pairs[part]
        sums = fold_sums(
            self._operator,
            rows,
            self._bias if part == 0 else None,
            input_zero_point=zero_point(values),
            multipliers=np.full(len(rows), multiplier),
            shifts=np.full(len(rows), shift),
        )
        return sums.bias


def _interleaved(parts: list[np.ndarray]) -> np.ndarray:
    """(units, n) of each gate -> (units, gates, n)."""
    return np.ascontiguousarray(np.stack(parts, axis=1))


def _needs_64_bits(rows: np.ndarray, bias: np.ndarray) -> bool:
    largest = (1 << 15) * np.abs(rows.astype(np.int64)).sum(axis=-1).max() + np.abs(bias).max()
    return bool(largest >= 1 << 31)


def _cell_steps(cell_scale: float) -> tuple[int, int]:
    """Multiplier and right shift that take the cell's state to the steps of the table (`Tanh` in `lstm_eval.cc`)."""
    left = power_of_two(cell_scale)[0] + 12
    return (3 << left, 0) if left >= 0 else (3, -left)


def _cell_clip(clip: float, cell_scale: float) -> int:
    """The clip in units of the cell's state, -1 for none; TFLM rounds towards 0."""
    return int(min(clip / cell_scale, 32767.0)) if clip > 0 else -1
