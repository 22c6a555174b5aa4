"""SVDF: input (batch, depth); feature weights (filters, depth), time weights (filters, memory), biases (units,) and a
state (batch, filters * memory); output (batch, units). `rank` filters make up a unit.

TFLM applies no activation to int8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import bias_values, inspect_bias, inspect_sums, inspect_weights
from tinykit.graph.definition import Definition, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.schema import OPTIONS
from tinykit.graph.schema import SVDF_OPTIONS as FIELD

FEATURE, TIME, BIAS, STATE = 1, 2, 3, 4

LARGEST_BIAS_MISMATCH = 1e-5
"""TFLM refuses biases whose scale differs by more from state scale * time weights scale (`svdf_common.cc`)."""


@dataclass(frozen=True)
class SvdfOptions:
    """Options of SVDF: `rank` filters of a unit; `fused` the activation, which must not matter."""

    rank: int = 1
    fused: str = "NONE"


def parse(table: Table, _operands: Operands) -> SvdfOptions:
    return SvdfOptions(table.integer(FIELD.rank, "i"), activation_name(table, FIELD.activation))


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(5, 5):
        return
    x, y, options = inspection.input, inspection.output, inspection.options
    feature, time, bias, state = (t for t in inspection.inputs[1:] if t is not None)
    if not (
        inspection.int8(x, y)
        and inspection.require(options.fused in ("NONE", "RELU"), f"its fused activation is {options.fused}")
        and inspection.rank(x, 2)
        and inspect_weights(inspection, feature, 0)
        and inspection.rank(feature, 2)
        and inspection.dtype(time, "int8", "int16")
        and inspection.constant(time, "time weights")
        and inspection.rank(time, 2)
        and inspection.dtype(state, time.dtype)
        and inspection.state(state, "activation state")
        and inspection.per_tensor(feature, time, state, bias)
        and inspection.require(not x.is_constant, "its input is constant")
    ):
        return
    filters = feature.shape[0]
    units = filters // max(options.rank, 1)
    if not (
        inspection.require(
            options.rank >= 1 and filters % options.rank == 0,
            f"{filters} filters are no multiple of rank {options.rank}",
        )
        and inspection.shape(feature, (filters, x.shape[1]))
        and inspection.shape(time, (filters, time.shape[1]))
        and inspection.shape(y, (x.shape[0], units))
        and inspection.shape(state, (x.shape[0], filters * time.shape[1]))
        and inspect_bias(inspection, bias, units)
    ):
        return
    assert feature.data is not None
    real = np.array([scales(x, feature, time, state, y)[0]])
    inspect_sums(inspection, feature.data, bias_values(None, filters), real)
    _requantization(inspection, x, feature, time, bias, state)


def _requantization(
    inspection: Inspection, x: Tensor, feature: Tensor, time: Tensor, bias: Tensor, state: Tensor
) -> None:
    assert bias.quantization and time.quantization and state.quantization
    product = float(np.float32(state.quantization.scale) * np.float32(time.quantization.scale))
    inspection.require(
        abs(bias.quantization.scale - product) < LARGEST_BIAS_MISMATCH,
        f"its bias scale {bias.quantization.scale:.6g} is not state scale * time weights scale {product:.6g}",
    )
    inspection.requantizes(-(1 << 31), (1 << 31) - 1, scales(x, feature, time, state, inspection.output)[1])


def scales(x: Tensor, feature: Tensor, time: Tensor, state: Tensor, y: Tensor) -> tuple[float, float]:
    """The factors to the state and to the output, in float32 as TFLM computes them."""
    a, b, c, d, e = (np.float32(t.quantization.scale) for t in (x, feature, time, state, y) if t.quantization)
    return float(a * b / d), float(d * c / e)


DEFINITION = Definition("SVDF", OPTIONS.SVDF, parse, inspect, states=(STATE,))
