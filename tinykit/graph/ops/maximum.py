"""MAXIMUM and MINIMUM of two tensors, broadcast as numpy does: of the stored values, whatever their scales."""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_shapes, operands
from tinykit.graph.definition import Definition, Inspection, no_options

TYPES = ("int8", "int16", "int32", "int64", "float32")


def inspect(inspection: Inspection) -> None:
    if inspect_shapes(inspection):
        a, b, y = operands(inspection)
        if inspection.dtype(y, *TYPES):
            inspection.dtype(a, y.dtype)
            inspection.dtype(b, y.dtype)


DEFINITIONS = tuple(Definition(op, None, no_options, inspect) for op in ("MAXIMUM", "MINIMUM"))
