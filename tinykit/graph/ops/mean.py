"""MEAN and SUM over any axes; the axes are a constant input."""

from __future__ import annotations

import math

from tinykit.graph.definition import Definition, Inspection
from tinykit.graph.reduction import ReducerOptions, inspect_reduction, parse_reducer
from tinykit.graph.schema import OPTIONS

LARGEST_DISTANCES = {"int8": 255, "int16": (1 << 16) - 1}
"""From a value to its zero point."""


def inspect(inspection: Inspection) -> None:
    if not inspect_reduction(inspection, "int8", "int16", "float32"):
        return
    x, y = inspection.input, inspection.output
    options: ReducerOptions = inspection.options
    if x.dtype in LARGEST_DISTANCES:
        assert options.axes is not None and x.quantization and y.quantization
        count = math.prod(x.shape[a] for a in options.axes)
        largest = LARGEST_DISTANCES[x.dtype] * count
        ratio = x.quantization.scale / y.quantization.scale
        inspection.requantizes(-largest, largest, ratio if inspection.operator.op == "SUM" else ratio / count)


DEFINITIONS = tuple(Definition(op, OPTIONS.REDUCER, parse_reducer, inspect) for op in ("MEAN", "SUM"))
