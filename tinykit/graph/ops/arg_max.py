"""ARG_MAX and ARG_MIN along one constant axis; the first of equal values counts.

TFLM gives int32 alone; int64, which tf.argmax gives unless told otherwise, is as in TFLite.
"""

from __future__ import annotations

from tinykit.graph.along import AlongOptions, axis_of, inspect_axis
from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table


def parse(_table: Table, operands: Operands) -> AlongOptions:
    return AlongOptions(axis_of(operands))


def inspect(inspection: Inspection) -> None:
    if not inspect_axis(inspection, "int8", "float32"):
        return
    x, y, axis = inspection.input, inspection.output, inspection.options.axis
    if inspection.dtype(y, "int32", "int64"):
        inspection.shape(y, (*x.shape[:axis], *x.shape[axis + 1 :]))


DEFINITIONS = tuple(Definition(op, None, parse, inspect) for op in ("ARG_MAX", "ARG_MIN"))
