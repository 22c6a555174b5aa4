"""SOFTMAX over the last dimension, int8 to int8 with TFLM's fixed output quantization."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import OPTIONS, SOFTMAX_OPTIONS

OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1 / 256, -128
"""The only output quantization that TFLM takes."""

SCALED_DIFFERENCE_BITS = 5
"""Integer bits of TFLM's scaled differences; the multiplier is beta * scale * 2**(31 - 5)."""


@dataclass(frozen=True)
class SoftmaxOptions:
    """Options of SOFTMAX: `beta` the factor on its input (float32)."""

    beta: float = 1.0


def parse(table: Table, _operands: Operands) -> SoftmaxOptions:
    return SoftmaxOptions(table.real(SOFTMAX_OPTIONS.beta))


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y, beta = inspection.input, inspection.output, inspection.options.beta
    if not inspection.int8(x, y):
        return
    assert x.quantization and y.quantization
    inspection.require(len(x.shape) >= 1, "its input is a single number")
    inspection.shape(y, x.shape)
    inspection.require(
        y.quantization.scale == OUTPUT_SCALE and y.quantization.zero_point == OUTPUT_ZERO_POINT,
        "its output must have scale 1/256 and zero point -128, as TFLM demands",
    )
    inspection.require(
        math.isfinite(beta) and beta * x.quantization.scale * (1 << (31 - SCALED_DIFFERENCE_BITS)) > 1,
        f"its beta {beta:.6g} and input scale {x.quantization.scale:.6g} leave nothing to compute",
    )


DEFINITION = Definition("SOFTMAX", OPTIONS.SOFTMAX, parse, inspect)
