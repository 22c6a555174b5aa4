"""RESHAPE: the same bytes in another shape. The output tensor's own shape decides, as in TFLM."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.schema import OPTIONS


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 2):
        return
    x, y = inspection.input, inspection.output
    shape = inspection.optional(1)
    if shape is not None:
        inspection.constant(shape, "new shape")
    if inspection.dtype(x, "int8") and inspection.dtype(y, "int8"):
        inspection.require(x.elements == y.elements, f"it takes {x.elements} values to {y.elements}")


DEFINITION = Definition("RESHAPE", OPTIONS.RESHAPE, no_options, inspect)
