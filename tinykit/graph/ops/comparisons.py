"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL: two tensors, broadcast as numpy does, to bool."""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_shapes, operands
from tinykit.graph.definition import Definition, Inspection, no_options

TYPES = ("int8", "int32", "int64", "float32")
"""int16 is left out: TFLM compares it with parameters that it never sets."""


def inspect(inspection: Inspection) -> None:
    if not inspect_shapes(inspection):
        return
    a, b, y = operands(inspection)
    types = (*TYPES, "bool") if inspection.operator.op in ("EQUAL", "NOT_EQUAL") else TYPES
    if not (inspection.dtype(y, "bool") and inspection.dtype(a, *types) and inspection.dtype(b, a.dtype)):
        return
    if a.dtype == "int8" and inspection.per_tensor(a, b):
        assert a.quantization and b.quantization
        inspection.require(
            max(a.quantization.scale, b.quantization.scale) < 1,
            "an operand has a scale of 1 or more, which TFLM refuses to compare",
            "Normalize what is compared",
        )


OPERATORS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")

DEFINITIONS = tuple(Definition(op, None, no_options, inspect) for op in OPERATORS)
