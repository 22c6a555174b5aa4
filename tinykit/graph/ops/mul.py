"""MUL of two tensors, broadcast as numpy does, with a fused clamp."""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_arithmetic, operands, parse_activation
from tinykit.graph.definition import Definition, Inspection
from tinykit.graph.schema import OPTIONS

LARGEST_FACTORS = {"int8": 255, "int16": 1 << 15}
"""Greatest distance of a value from its zero point."""


def inspect(inspection: Inspection) -> None:
    activation = inspection.options.activation
    if not inspect_arithmetic(inspection, "int8", "int16", "int32", "float32", activation=activation):
        return
    a, b, y = operands(inspection)
    if y.dtype in LARGEST_FACTORS:
        assert a.quantization and b.quantization and y.quantization
        largest = LARGEST_FACTORS[y.dtype] ** 2
        inspection.requantizes(-largest, largest, a.quantization.scale * b.quantization.scale / y.quantization.scale)


DEFINITION = Definition("MUL", OPTIONS.MUL, parse_activation, inspect)
