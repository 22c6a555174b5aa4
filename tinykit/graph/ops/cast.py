"""CAST from one type to another, value by value; zero points and scales play no part.

TFLM lacks int64, which the converter emits around numbers of words and classes.
"""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options

SOURCES = ("int8", "int16", "int32", "int64", "float32", "bool")
RESULTS = ("int8", "int16", "int32", "int64", "float32", "bool")

UNKNOWN = (("int64", "float32"), ("int64", "bool"), ("float32", "int64"))
"""Pairs of them that nothing needs."""


def inspect(inspection: Inspection) -> None:
    if inspection.arity(1, 1):
        x, y = inspection.input, inspection.output
        if inspection.dtype(x, *SOURCES) and inspection.dtype(y, *RESULTS):
            inspection.shape(y, x.shape)
            inspection.require(
                (x.dtype, y.dtype) not in UNKNOWN,
                f"it takes {x.dtype} to {y.dtype}",
                "Cast to int32 first",
            )


DEFINITION = Definition("CAST", None, no_options, inspect)
