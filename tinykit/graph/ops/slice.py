"""SLICE: a box out of a tensor; its begin and size are constant inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers

TYPES = ("int8", "int16", "int32", "float32", "bool")
LARGEST_RANK = 5


@dataclass(frozen=True)
class SliceOptions:
    """Options of SLICE.

    Attributes: `begin` and `size` along each axis; None where the file does not fix them within the input.
    """

    begin: tuple[int, ...] | None
    size: tuple[int, ...] | None


def parse(_table: Table, operands: Operands) -> SliceOptions:
    shape, begin, size = operands.shape(0), numbers(operands, 1), numbers(operands, 2)
    if begin is None or size is None or not len(begin) == len(size) == len(shape):
        return SliceOptions(None, None)
    whole = tuple(n - b if s == -1 else s for n, b, s in zip(shape, begin, size, strict=True))
    inside = all(b >= 0 and s >= 1 and b + s <= n for n, b, s in zip(shape, begin, whole, strict=True))
    return SliceOptions(begin, whole) if inside else SliceOptions(None, None)


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (3, 3)):
        return
    x, y, options = inspection.input, inspection.output, inspection.options
    if not (moves_type(inspection, x, y, types=TYPES) and most_dimensions(inspection, x, LARGEST_RANK)):
        return
    if not all([fixed(inspection, k, role, "int32", "int64") for k, role in ((1, "begin"), (2, "size"))]):  # noqa: C419
        return
    if inspection.require(options.begin is not None, f"its begin and size are not within {x.shape}"):
        inspection.shape(y, options.size)


def moves(
    options: SliceOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The box."""
    assert options.begin is not None and options.size is not None
    box: tuple[Any, ...] = tuple(slice(b, b + s) for b, s in zip(options.begin, options.size, strict=True))
    # The ellipsis keeps a single number a view.
    yield outputs[0], inputs[0][(..., *box)]


DEFINITION = Definition("SLICE", None, parse, inspect, moves)
