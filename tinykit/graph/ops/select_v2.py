"""SELECT_V2: where a bool tensor is true the second input's values, else the third's; all three broadcast.

SELECT, which the converter makes of some ELUs and TFLM lacks, is the same of three tensors of one shape.
"""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_shapes
from tinykit.graph.definition import Definition, Inspection, no_options

TYPES = ("int8", "int16", "float32")


def inspect(inspection: Inspection) -> None:
    if not inspect_shapes(inspection, 3):
        return
    condition, a, b = inspection.inputs[:3]
    assert condition is not None and a is not None and b is not None
    if inspection.dtype(condition, "bool") and inspection.dtype(a, *TYPES):
        inspection.dtype(b, a.dtype)
        inspection.dtype(inspection.output, a.dtype)


def inspect_select(inspection: Inspection) -> None:
    """As SELECT_V2, without broadcast."""
    inspect(inspection)
    if not inspection.found:
        for tensor in inspection.inputs:
            assert tensor is not None
            inspection.shape(tensor, inspection.output.shape)


DEFINITIONS = (
    Definition("SELECT_V2", None, no_options, inspect),
    Definition("SELECT", None, no_options, inspect_select),
)
