"""SPLIT and SPLIT_V: parts along one axis. The output tensors' own shapes decide how large each is, as in TFLM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, given, moves_type, number, positive_axis
from tinykit.graph.names import shown
from tinykit.graph.schema import OPTIONS

TYPES = ("int8", "int16", "int32", "float32")
MOST_OUTPUTS = 64


@dataclass(frozen=True)
class SplitOptions:
    """Options of SPLIT and SPLIT_V.

    Attributes: `axis` from the front, None where the file does not fix it; `source` which input is split.
    """

    axis: int | None
    source: int


def parse_split(_table: Table, operands: Operands) -> SplitOptions:
    """SPLIT: the axis, then the values."""
    return SplitOptions(positive_axis(number(operands, 0), len(operands.shape(1))), 1)


def parse_split_v(_table: Table, operands: Operands) -> SplitOptions:
    """SPLIT_V: the values, the sizes, the axis."""
    return SplitOptions(positive_axis(number(operands, 2), len(operands.shape(0))), 0)


def inspect_split(inspection: Inspection) -> None:
    """SPLIT into equal parts."""
    if counts(inspection, (2, 2), (1, MOST_OUTPUTS)) and _parts(inspection, 0):
        sizes = {y.shape[inspection.options.axis] for y in inspection.outputs}
        inspection.require(len(sizes) == 1, f"its parts are not equal: {sorted(sizes)}")


def inspect_split_v(inspection: Inspection) -> None:
    """SPLIT_V into parts of any size."""
    if counts(inspection, (3, 3), (1, MOST_OUTPUTS)):
        _parts(inspection, 2)


def _parts(inspection: Inspection, axis_input: int) -> bool:
    options: SplitOptions = inspection.options
    x, parts = given(inspection, options.source), inspection.outputs
    if not (moves_type(inspection, x, *parts, types=TYPES) and fixed(inspection, axis_input, "axis")):
        return False
    if not inspection.require(options.axis is not None, f"its axis is outside {x.shape}"):
        return False
    axis = options.axis
    assert axis is not None
    beside = (*x.shape[:axis], *x.shape[axis + 1 :])
    right = [
        inspection.require(
            len(y.shape) == len(x.shape) and (*y.shape[:axis], *y.shape[axis + 1 :]) == beside,
            f"'{shown(y.name)}' of shape {y.shape} is no part of {x.shape} along axis {axis}",
        )
        for y in parts
    ]
    return all(right) and inspection.require(
        sum(y.shape[axis] for y in parts) == x.shape[axis], f"its parts do not make up axis {axis} of {x.shape}"
    )


def moves(
    options: SplitOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each part of the input into its output."""
    assert options.axis is not None
    ahead = (slice(None),) * options.axis
    start = 0
    for y in outputs:
        end = start + y.shape[options.axis]
        yield y, inputs[options.source][(*ahead, slice(start, end))]
        start = end


DEFINITIONS = (
    Definition("SPLIT", OPTIONS.SPLIT, parse_split, inspect_split, moves),
    Definition("SPLIT_V", OPTIONS.SPLIT_V, parse_split_v, inspect_split_v, moves),
)
