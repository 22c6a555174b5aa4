"""REDUCE_ANY and REDUCE_ALL of bools over any axes; the axes are a constant input. TFLM lacks both."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection
from tinykit.graph.reduction import inspect_reduction, parse_reducer
from tinykit.graph.schema import OPTIONS


def inspect(inspection: Inspection) -> None:
    inspect_reduction(inspection, "bool")


DEFINITIONS = tuple(Definition(op, OPTIONS.REDUCER, parse_reducer, inspect) for op in ("REDUCE_ANY", "REDUCE_ALL"))
