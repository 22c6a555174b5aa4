"""PRELU: x, or x times a slope of its own below 0; the slopes broadcast. Of int16 values the slopes are int8."""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_shapes, operands, zero_points_are_zero
from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.ops.mul import LARGEST_FACTORS

LARGEST_RANK = 4
"""TFLM's float kernel knows no more dimensions."""


def inspect(inspection: Inspection) -> None:
    if not inspect_shapes(inspection):
        return
    x, alpha, y = operands(inspection)
    if not (inspection.dtype(x, "int8", "int16", "float32") and inspection.dtype(y, x.dtype)):
        return
    inspection.shape(y, x.shape)
    inspection.require(len(x.shape) <= LARGEST_RANK, f"it has {len(x.shape)} dimensions", f"Use at most {LARGEST_RANK}")
    if not inspection.dtype(alpha, "float32" if x.dtype == "float32" else "int8") or x.dtype == "float32":
        return
    if not inspection.per_tensor(x, alpha, y) or (x.dtype == "int16" and not zero_points_are_zero(inspection, x, y)):
        return
    assert x.quantization and alpha.quantization and y.quantization
    largest = LARGEST_FACTORS[x.dtype]
    ratio = x.quantization.scale / y.quantization.scale
    inspection.requantizes(0, largest, ratio)
    inspection.requantizes(-largest * 255, largest * 255, ratio * alpha.quantization.scale)


DEFINITION = Definition("PRELU", None, no_options, inspect)
