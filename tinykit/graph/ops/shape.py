"""SHAPE and BROADCAST_ARGS: shapes as values. They are known before any inference, and so become constants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, given, moves_type, numbers


@dataclass(frozen=True)
class ShapeOptions:
    """Options of SHAPE and BROADCAST_ARGS: `values` the result; None where the file does not fix it."""

    values: tuple[int, ...] | None


def parse_shape(_table: Table, operands: Operands) -> ShapeOptions:
    """SHAPE: of the input tensor, which never changes."""
    return ShapeOptions(operands.shape(0))


def parse_broadcast_args(_table: Table, operands: Operands) -> ShapeOptions:
    """BROADCAST_ARGS: the shape that two shapes broadcast to."""
    one, other = numbers(operands, 0), numbers(operands, 1)
    if one is None or other is None:
        return ShapeOptions(None)
    rank = max(len(one), len(other))
    pairs = zip((1,) * (rank - len(one)) + one, (1,) * (rank - len(other)) + other, strict=True)
    merged = tuple(max(a, b) if 1 in (a, b) else a if a == b else -1 for a, b in pairs)
    return ShapeOptions(merged if all(n >= 1 for n in merged) else None)


def inspect_shape(inspection: Inspection) -> None:
    """SHAPE."""
    if counts(inspection, (1, 1)) and inspection.dtype(inspection.output, "int32"):
        inspection.shape(inspection.output, (len(inspection.input.shape),))


def inspect_broadcast_args(inspection: Inspection) -> None:
    """BROADCAST_ARGS."""
    if not counts(inspection, (2, 2)):
        return
    one, other, y = given(inspection, 0), given(inspection, 1), inspection.output
    both = [fixed(inspection, k, "shape", "int32", "int64") for k in (0, 1)]
    if all(both) and moves_type(inspection, y, one, other, types=("int32", "int64")):
        values = inspection.options.values
        if inspection.require(values is not None, "its shapes do not broadcast"):
            inspection.shape(y, (len(values),))


def moves(
    options: ShapeOptions, _inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The result, as a constant."""
    assert options.values is not None
    yield outputs[0], np.array(options.values, outputs[0].dtype)


DEFINITIONS = (
    Definition("SHAPE", None, parse_shape, inspect_shape, moves),
    Definition("BROADCAST_ARGS", None, parse_broadcast_args, inspect_broadcast_args, moves),
)
