"""MIRROR_PAD: a tensor continued by its own reflection; amounts are a constant input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers
from tinykit.graph.schema import MIRROR_PAD_OPTIONS, OPTIONS

TYPES = ("int8", "float32")
LARGEST_RANK = 6


@dataclass(frozen=True)
class MirrorPadOptions:
    """Options of MIRROR_PAD.

    Attributes: `paddings` values before and after along each axis; None where the file does not fix them within what
    can be mirrored. `edge` 1 where the outermost value is the mirror itself and not repeated ("reflect"), 0 where it is
    repeated ("symmetric").
    """

    paddings: tuple[tuple[int, int], ...] | None
    edge: int


def parse(table: Table, operands: Operands) -> MirrorPadOptions:
    edge = 1 if table.integer(MIRROR_PAD_OPTIONS.mode, "b") == 0 else 0
    shape, flat = operands.shape(0), numbers(operands, 1)
    if flat is None or len(flat) != 2 * len(shape):
        return MirrorPadOptions(None, edge)
    paddings = tuple(zip(flat[::2], flat[1::2], strict=True))
    inside = all(0 <= amount <= n - edge for n, pair in zip(shape, paddings, strict=True) for amount in pair)
    return MirrorPadOptions(paddings if inside else None, edge)


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, y, options = inspection.input, inspection.output, inspection.options
    if not (moves_type(inspection, x, y, types=TYPES) and fixed(inspection, 1, "amounts", "int32", "int64")):
        return
    if most_dimensions(inspection, x, LARGEST_RANK, 1) and inspection.require(
        options.paddings is not None, f"its amounts are more than {x.shape} can mirror"
    ):
        inspection.shape(y, tuple(n + a + b for n, (a, b) in zip(x.shape, options.paddings, strict=True)))


def moves(
    options: MirrorPadOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The input into the middle, then axis by axis, from the last, the output's own values mirrored outwards."""
    assert options.paddings is not None
    y, shape = outputs[0], inputs[0].shape
    inner = [slice(before, before + n) for n, (before, _) in zip(shape, options.paddings, strict=True)]
    yield y[tuple(inner)], inputs[0]
    for axis in reversed(range(len(shape))):
        before, after = options.paddings[axis]
        first, last = before + options.edge, before + shape[axis] - options.edge
        done = (*inner[:axis], slice(None))
        for start, amount, mirrored in ((0, before, first), (before + shape[axis], after, last - after)):
            if amount:
                target = y[(*done[:-1], slice(start, start + amount))]
                yield target, np.flip(y[(*done[:-1], slice(mirrored, mirrored + amount))], axis)


DEFINITION = Definition("MIRROR_PAD", OPTIONS.MIRROR_PAD, parse, inspect, moves)
