"""What reductions over constant axes share: their options and shapes."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import REDUCER_OPTIONS

LARGEST_RANK = 8


@dataclass(frozen=True)
class ReducerOptions:
    """Options of MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY and REDUCE_ALL.

    Attributes: `axes` the dimensions reduced, ascending and not negative; None where the file does not fix them.
    `keep_dims` whether they stay as dimensions of 1.
    """

    axes: tuple[int, ...] | None
    keep_dims: bool = False


def parse_reducer(table: Table, operands: Operands) -> ReducerOptions:
    """The options of a reduction whose axes are its second input."""
    rank = len(operands.shape(0))
    values = operands.constant(1)
    axes = None
    if values is not None and values.dtype.kind == "i" and len(values) <= LARGEST_RANK:
        found = [int(a) for a in values]
        if all(-rank <= a < rank for a in found):
            axes = tuple(sorted({a % rank for a in found}))
    return ReducerOptions(axes, table.flag(REDUCER_OPTIONS.keep_dims))


def inspect_reduction(inspection: Inspection, *types: str) -> bool:
    """An input and an output of one of `types`, and constant axes that take the one's shape to the other's."""
    if not inspection.arity(2, 2):
        return False
    x, axes, y = inspection.input, inspection.inputs[1], inspection.output
    options: ReducerOptions = inspection.options
    assert axes is not None
    if not (inspection.dtype(x, *types) and inspection.dtype(y, x.dtype) and inspection.dtype(axes, "int32")):
        return False
    if x.dtype not in ("float32", "bool") and not inspection.per_tensor(x, y):
        return False
    if not inspection.constant(axes, "axes"):
        return False
    if not inspection.require(options.axes is not None, f"its axes are outside the input's shape {x.shape}"):
        return False
    assert options.axes is not None
    shape = tuple(
        1 if i in options.axes else n for i, n in enumerate(x.shape) if options.keep_dims or i not in options.axes
    )
    return inspection.shape(y, shape)
