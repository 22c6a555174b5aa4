"""SOFTMAX over the last dimension: int8 to int8 or int16, int16 to int16, with TFLM's fixed quantizations; float32."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinykit.graph.broadcast import zero_points_are_zero
from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import OPTIONS, SOFTMAX_OPTIONS

OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1 / 256, -128
"""The only output quantization that TFLM takes from int8 to int8."""

WIDE_SCALE, WIDE_TOLERANCE, WIDE_ZERO_POINT = 1 / 65536, 0.001 / 65536, -32768
"""And from int8 to int16."""

SCALED_DIFFERENCE_BITS = 5
"""Integer bits of TFLM's scaled differences; the multiplier is beta * scale * 2**(31 - 5)."""


INT16_SCALE, INT16_TOLERANCE = 1 / 32768, 0.001 / 32768
"""The output scale of int16 that TFLM takes."""

INT16_RANGE = 10.0 / 65535.0
"""A step of the exponential's input for int16: from -10 to 0."""

LARGEST_INT16_DEPTH = 1 << 16
"""More exponentials of 15 bits overflow TFLM's sum."""


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
    if x.dtype == "int16":
        _inspect_int16(inspection)
        return
    if x.dtype == "float32":
        inspection.require(math.isfinite(beta), f"its beta {beta:.6g} makes no sense")
        inspection.dtype(y, "float32")
        inspection.require(len(x.shape) >= 1, "its input is a single number")
        inspection.shape(y, x.shape)
        return
    if not (inspection.dtype(x, "int8") and inspection.dtype(y, "int8", "int16") and inspection.per_tensor(x, y)):
        return
    assert x.quantization and y.quantization
    inspection.require(len(x.shape) >= 1, "its input is a single number")
    inspection.shape(y, x.shape)
    if y.dtype == "int16":
        inspection.require(
            abs(y.quantization.scale - WIDE_SCALE) <= WIDE_TOLERANCE and y.quantization.zero_point == WIDE_ZERO_POINT,
            "its output must have scale 1/65536 and zero point -32768, as TFLM demands",
        )
    else:
        inspection.require(
            y.quantization.scale == OUTPUT_SCALE and y.quantization.zero_point == OUTPUT_ZERO_POINT,
            "its output must have scale 1/256 and zero point -128, as TFLM demands",
        )
    inspection.require(
        math.isfinite(beta) and beta * x.quantization.scale * (1 << (31 - SCALED_DIFFERENCE_BITS)) > 1,
        f"its beta {beta:.6g} and input scale {x.quantization.scale:.6g} leave nothing to compute",
    )


def _inspect_int16(inspection: Inspection) -> None:
    x, y, beta = inspection.input, inspection.output, inspection.options.beta
    if not (inspection.dtype(y, "int16") and inspection.per_tensor(x, y) and zero_points_are_zero(inspection, x, y)):
        return
    assert x.quantization and y.quantization
    inspection.require(len(x.shape) >= 1 and x.shape[-1] <= LARGEST_INT16_DEPTH, "its rows are too long, or none")
    inspection.shape(y, x.shape)
    inspection.require(
        abs(y.quantization.scale - INT16_SCALE) <= INT16_TOLERANCE,
        "its output must have scale 1/32768, as TFLM demands",
    )
    if inspection.require(math.isfinite(beta) and beta >= 0, f"its beta {beta:.6g} makes no sense"):
        inspection.requantizes(-65535, 0, x.quantization.scale * beta / INT16_RANGE)


DEFINITION = Definition("SOFTMAX", OPTIONS.SOFTMAX, parse, inspect)
