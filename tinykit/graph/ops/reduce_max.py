"""REDUCE_MAX and REDUCE_MIN over any axes; the axes are a constant input.

TFLM lacks int16, which GlobalMaxPooling becomes in int16x8.
"""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection
from tinykit.graph.reduction import inspect_reduction, parse_reducer
from tinykit.graph.schema import OPTIONS


def inspect(inspection: Inspection) -> None:
    if inspect_reduction(inspection, "int8", "int16", "float32") and inspection.input.dtype != "float32":
        x, y = inspection.input.quantization, inspection.output.quantization
        assert x and y
        inspection.require(
            x.scale == y.scale and x.zero_point == y.zero_point, "input and output have different scales or zero points"
        )


DEFINITIONS = tuple(Definition(op, OPTIONS.REDUCER, parse_reducer, inspect) for op in ("REDUCE_MAX", "REDUCE_MIN"))
