"""CAST from one type to another, value by value; zero points and scales play no part."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options

SOURCES = ("int8", "int16", "int32", "float32", "bool")
RESULTS = ("int8", "int16", "int32", "float32")


def inspect(inspection: Inspection) -> None:
    if inspection.arity(1, 1):
        x, y = inspection.input, inspection.output
        if inspection.dtype(x, *SOURCES) and inspection.dtype(y, *RESULTS):
            inspection.shape(y, x.shape)


DEFINITION = Definition("CAST", None, no_options, inspect)
