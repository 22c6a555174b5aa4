"""TILE: a tensor repeated along each axis; how often is a constant input. TFLM lacks it; TFLite's kernels judge it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers

TYPES = ("int8", "uint8", "int32", "int64", "float32", "bool")
LARGEST_RANK = 4
"""Twice as many loops: the copies along an axis, and the axis itself."""


@dataclass(frozen=True)
class TileOptions:
    """Options of TILE.

    Attributes: `times` copies along each axis; None where the file does not fix them.
    """

    times: tuple[int, ...] | None


def parse(_table: Table, operands: Operands) -> TileOptions:
    times = numbers(operands, 1)
    sound = times is not None and len(times) == len(operands.shape(0)) and all(n >= 1 for n in times)
    return TileOptions(times if sound else None)


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, y, times = inspection.input, inspection.output, inspection.options.times
    if not (moves_type(inspection, x, y, types=TYPES) and fixed(inspection, 1, "repetitions", "int32", "int64")):
        return
    if most_dimensions(inspection, x, LARGEST_RANK, 1) and inspection.require(
        times is not None, f"its repetitions are not a positive number for each of {x.shape}"
    ):
        inspection.shape(y, tuple(n * t for n, t in zip(x.shape, times, strict=True)))


def moves(
    options: TileOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The input into every copy of it."""
    assert options.times is not None
    x = inputs[0]
    copies = tuple(n for pair in zip(options.times, x.shape, strict=True) for n in pair)
    each = x.reshape(tuple(n for size in x.shape for n in (1, size)))
    yield outputs[0].reshape(copies), np.broadcast_to(each, copies)


DEFINITION = Definition("TILE", None, parse, inspect, moves)
