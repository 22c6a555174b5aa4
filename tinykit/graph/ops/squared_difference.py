"""SQUARED_DIFFERENCE of two tensors, broadcast as numpy does."""

from __future__ import annotations

from tinykit.graph.arithmetic import squared_difference_multipliers
from tinykit.graph.broadcast import inspect_arithmetic, operands
from tinykit.graph.definition import Definition, Inspection, no_options

LARGEST_SQUARE = 1 << 30
"""Of a difference of operands, each of them less than 2**15 as TFLM raises and scales them."""


def inspect(inspection: Inspection) -> None:
    if not inspect_arithmetic(inspection, "int8", "int16", "int32", "float32"):
        return
    a, b, y = operands(inspection)
    if y.dtype in ("int8", "int16"):
        assert a.quantization and b.quantization and y.quantization
        *_, (multiplier, shift) = squared_difference_multipliers(
            a.quantization.scale, b.quantization.scale, y.quantization.scale, y.dtype
        )
        inspection.requantizes(0, LARGEST_SQUARE, multiplier / 2.0**31 * 2.0**shift)


DEFINITION = Definition("SQUARED_DIFFERENCE", None, no_options, inspect)
