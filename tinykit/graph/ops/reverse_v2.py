"""REVERSE_V2: axes that lie side by side, run backwards; which is a constant input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers

TYPES = ("int8", "int16", "int32", "int64", "uint8", "float32", "bool")
LARGEST_RANK = 6


@dataclass(frozen=True)
class ReverseOptions:
    """Options of REVERSE_V2.

    Attributes: `axes` ascending, from the front; None where the file does not fix them or they are not side by side.
    """

    axes: tuple[int, ...] | None


def parse(_table: Table, operands: Operands) -> ReverseOptions:
    rank, given = len(operands.shape(0)), numbers(operands, 1)
    if not given or not all(-rank <= a < rank for a in given):
        return ReverseOptions(None)
    axes = tuple(sorted(a % rank for a in given))
    return ReverseOptions(axes if axes == tuple(range(axes[0], axes[0] + len(axes))) else None)


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, y, axes = inspection.input, inspection.output, inspection.options.axes
    if not (moves_type(inspection, x, y, types=TYPES) and fixed(inspection, 1, "axes")):
        return
    if most_dimensions(inspection, x, LARGEST_RANK, 1) and inspection.shape(y, x.shape):
        inspection.require(axes is not None, f"its axes are not side by side in {x.shape}", "Reverse one by one")


def moves(
    options: ReverseOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every value to its place."""
    yield outputs[0], np.flip(inputs[0], options.axes)


DEFINITION = Definition("REVERSE_V2", None, parse, inspect, moves)
