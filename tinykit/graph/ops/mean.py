"""MEAN over any axes; the axes are a constant input."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import OPTIONS, REDUCER_OPTIONS

LARGEST_RANK = 8


@dataclass(frozen=True)
class MeanOptions:
    """Options of MEAN.

    Attributes: `axes` the dimensions averaged, ascending and not negative; None where the file does not fix them.
    `keep_dims` whether they stay as dimensions of 1.
    """

    axes: tuple[int, ...] | None
    keep_dims: bool = False


def parse(table: Table, operands: Operands) -> MeanOptions:
    rank = len(operands.shape(0))
    values = operands.constant(1)
    axes = None
    if values is not None and values.dtype.kind == "i" and len(values) <= LARGEST_RANK:
        found = [int(a) for a in values]
        if all(-rank <= a < rank for a in found):
            axes = tuple(sorted({a % rank for a in found}))
    return MeanOptions(axes, table.flag(REDUCER_OPTIONS.keep_dims))


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(2, 2):
        return
    x, axes, y = inspection.input, inspection.inputs[1], inspection.output
    options: MeanOptions = inspection.options
    assert axes is not None
    if not (inspection.dtype(x, "int8") and inspection.dtype(y, "int8") and inspection.dtype(axes, "int32")):
        return
    if not (inspection.per_tensor(x, y) and inspection.constant(axes, "axes")):
        return
    if not inspection.require(options.axes is not None, f"its axes are outside the input's shape {x.shape}"):
        return
    assert options.axes is not None and x.quantization and y.quantization
    shape = tuple(
        1 if i in options.axes else n for i, n in enumerate(x.shape) if options.keep_dims or i not in options.axes
    )
    if inspection.shape(y, shape):
        count = math.prod(x.shape[a] for a in options.axes)
        inspection.requantizes(-255 * count, 255 * count, x.quantization.scale / y.quantization.scale / count)


DEFINITION = Definition("MEAN", OPTIONS.REDUCER, parse, inspect)
