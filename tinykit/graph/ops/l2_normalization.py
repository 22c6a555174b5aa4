"""L2_NORMALIZATION of rows along the last axis; an int8 result has scale 1/128 and zero point 0 whatever it says."""

from __future__ import annotations

from tinykit.graph.broadcast import ArithmeticOptions, parse_activation
from tinykit.graph.definition import Definition, Inspection
from tinykit.graph.schema import OPTIONS

LARGEST_RANK = 4
LARGEST_DEPTH = (1 << 31) // 255**2
"""Squares of more int8 values could overflow TFLM's sum."""


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    options: ArithmeticOptions = inspection.options
    if not (inspection.dtype(x, "int8", "float32") and inspection.dtype(y, x.dtype) and inspection.shape(y, x.shape)):
        return
    inspection.require(options.activation == "NONE", f"it has the fused activation {options.activation}")
    if inspection.require(1 <= len(x.shape) <= LARGEST_RANK, f"it has {len(x.shape)} dimensions", "Use at most 4"):
        inspection.require(x.shape[-1] <= LARGEST_DEPTH, f"its rows of {x.shape[-1]} values are too long")
    if x.dtype == "int8":
        inspection.per_tensor(x)


DEFINITION = Definition("L2_NORMALIZATION", OPTIONS.L2_NORM, parse_activation, inspect)
