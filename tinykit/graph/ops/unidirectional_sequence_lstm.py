"""UNIDIRECTIONAL_SEQUENCE_LSTM: input (batch, time, depth), or (time, batch, depth); output with `units` for depth.

Inputs 1 to 4 are the weights of the input for the input, forget, cell and output gates, each (units, depth); 5 to 8
those of the hidden state, each (units, units); 12 to 15 the biases; 18 and 19 the hidden state and the cell's,
(batch, units). Peepholes, projections and layer normalization are those that TFLM refuses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import bias_values, inspect_bias, inspect_sums, inspect_weights
from tinykit.graph.broadcast import zero_points_are_zero
from tinykit.graph.definition import CONVERT_AGAIN, Definition, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.schema import LSTM_OPTIONS as FIELD
from tinykit.graph.schema import OPTIONS
from tinykit.graph.sigmoid import power_of_two

GATES = 4
INPUT_WEIGHTS, HIDDEN_WEIGHTS, BIASES = 1, 5, 12
"""Positions of the input gate's; those of the others follow."""
HIDDEN, CELL = 18, 19
INPUTS = 24

GATE_SCALE = 2.0**-12
"""Scale of a gate's sum, int16."""

RESULT_SCALE = 2.0**-15
"""Scale of a gate's result, int16."""

PLAIN = "Use a plain LSTM layer, without peepholes, projection or layer normalization"


@dataclass(frozen=True)
class LstmOptions:
    """Options of UNIDIRECTIONAL_SEQUENCE_LSTM.

    Attributes: `cell_activation` that of the cell gate; `cell_clip` the greatest magnitude of the cell's state, 0 for
    none; `time_major` whether time is the first dimension.
    """

    cell_activation: str = "TANH"
    cell_clip: float = 0.0
    time_major: bool = False


def parse(table: Table, _operands: Operands) -> LstmOptions:
    return LstmOptions(
        activation_name(table, FIELD.activation), table.real(FIELD.cell_clip), table.flag(FIELD.time_major)
    )


def inspect(inspection: Inspection) -> None:
    inputs = inspection.inputs
    needed = (0, *range(1, 9), *range(BIASES, BIASES + GATES), HIDDEN, CELL)
    if not (
        inspection.require(
            len(inputs) == INPUTS and len(inspection.outputs) == 1, f"it has {len(inputs)} inputs, not 24"
        )
        and inspection.require(all(inputs[i] is not None for i in needed), "some of its gates are missing", PLAIN)
        and inspection.require(
            all(inputs[i] is None for i in range(INPUTS) if i not in needed),
            "it has peepholes, a projection or layer normalization",
            PLAIN,
        )
        and _states(inspection)
        and _options(inspection)
    ):
        return
    x, y, hidden = inspection.input, inspection.output, inputs[HIDDEN]
    assert hidden is not None
    if not (inspection.rank(x, 3) and inspection.rank(hidden, 2)):
        return
    batches, units = x.shape[1 if inspection.options.time_major else 0], hidden.shape[1]
    cell = inputs[CELL]
    assert cell is not None
    if inspection.require(
        hidden.elements == cell.elements == batches * units, f"its states do not hold {batches} times {units} values"
    ) and inspection.shape(y, (*x.shape[:2], units)):
        _gates(inspection, x, hidden, units)


def _states(inspection: Inspection) -> bool:
    x, y = inspection.input, inspection.output
    hidden, cell = inspection.inputs[HIDDEN], inspection.inputs[CELL]
    assert hidden is not None and cell is not None
    return (
        inspection.dtype(x, "int8", "int16")
        and inspection.dtype(y, x.dtype)
        and inspection.dtype(hidden, x.dtype)
        and inspection.dtype(cell, "int16")
        and inspection.state(hidden, "hidden state")
        and inspection.state(cell, "cell state")
        and inspection.require(not x.is_constant, "its input is constant")
        and inspection.require(hidden.index != cell.index, "its states are one tensor")
        and inspection.per_tensor(x, hidden, cell)
        and zero_points_are_zero(inspection, *((x, hidden, cell) if x.dtype == "int16" else (cell,)))
    )


def _options(inspection: Inspection) -> bool:
    options: LstmOptions = inspection.options
    hidden, cell = inspection.inputs[HIDDEN], inspection.inputs[CELL]
    assert hidden and cell and hidden.quantization and cell.quantization
    return (
        inspection.require(
            options.cell_activation == "TANH",
            f"the activation of its cell is {options.cell_activation}",
            "Use the LSTM's default activations, tanh and sigmoid",
        )
        and inspection.require(math.isfinite(options.cell_clip), "its cell clip is no number")
        and inspection.require(
            -30 <= power_of_two(cell.quantization.scale)[0] <= 2,
            f"its cell state's scale {cell.quantization.scale:.6g} is out of range",
            CONVERT_AGAIN,
        )
        and inspection.requantizes(-(1 << 30), 1 << 30, RESULT_SCALE * RESULT_SCALE / cell.quantization.scale)
        and inspection.requantizes(-(1 << 30), 1 << 30, RESULT_SCALE * RESULT_SCALE / hidden.quantization.scale)
    )


def _gates(inspection: Inspection, x: Tensor, hidden: Tensor, units: int) -> None:
    for gate in range(GATES):
        bias = inspection.inputs[BIASES + gate]
        if not inspect_bias(inspection, bias, units, "int64" if x.dtype == "int16" else "int32"):
            return
        for values, position, terms in ((x, INPUT_WEIGHTS, bias), (hidden, HIDDEN_WEIGHTS, None)):
            weights = inspection.inputs[position + gate]
            assert weights is not None and values.quantization is not None
            if not (inspection.shape(weights, (units, values.shape[-1])) and inspect_weights(inspection, weights, 0)):
                return
            assert weights.quantization is not None and weights.data is not None
            if not inspection.per_tensor(weights):
                return
            real = values.quantization.scale * weights.quantization.scale / GATE_SCALE
            sums = bias_values(terms, units)
            if not inspect_sums(inspection, weights.data, sums, np.array([real]), x=values, is_wide=x.dtype == "int16"):
                return


DEFINITION = Definition("UNIDIRECTIONAL_SEQUENCE_LSTM", OPTIONS.LSTM, parse, inspect, states=(HIDDEN, CELL))
