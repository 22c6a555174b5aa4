"""DIV of two tensors, broadcast as numpy does, with a fused clamp. What is divided by zero is not defined."""

from __future__ import annotations

from tinykit.graph.arithmetic import div_multiplier
from tinykit.graph.broadcast import inspect_arithmetic, operands, parse_activation
from tinykit.graph.definition import Definition, Inspection
from tinykit.graph.schema import OPTIONS

SHIFTS = (-25, 22)
"""Shifts of the output's multiplier for which TFLM's shifts of the quotient stay within 63 bits."""


def inspect(inspection: Inspection) -> None:
    if not inspect_arithmetic(inspection, "int8", "int32", "float32", activation=inspection.options.activation):
        return
    a, b, y = operands(inspection)
    if y.dtype == "int8":
        assert a.quantization and b.quantization and y.quantization
        _, shift = div_multiplier(a.quantization.scale, b.quantization.scale, y.quantization.scale)
        inspection.require(
            SHIFTS[0] <= shift <= SHIFTS[1],
            "its scales are too far apart for TFLM",
            "Quantize again with data like the real input",
        )


DEFINITION = Definition("DIV", OPTIONS.DIV, parse_activation, inspect)
