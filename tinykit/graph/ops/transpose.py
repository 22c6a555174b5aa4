"""TRANSPOSE: axes in another order; the order is a constant input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers

TYPES = ("int8", "int16", "float32")
LARGEST_RANK = 5


@dataclass(frozen=True)
class TransposeOptions:
    """Options of TRANSPOSE.

    Attributes: `order` for each output axis the input's; None where the file does not fix it.
    """

    order: tuple[int, ...] | None


def parse(_table: Table, operands: Operands) -> TransposeOptions:
    order = numbers(operands, 1)
    return TransposeOptions(order if order and sorted(order) == list(range(len(operands.shape(0)))) else None)


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, y, order = inspection.input, inspection.output, inspection.options.order
    if not (moves_type(inspection, x, y, types=TYPES) and fixed(inspection, 1, "order of axes")):
        return
    if most_dimensions(inspection, x, LARGEST_RANK, 1) and inspection.require(
        order is not None, f"its order of axes is none of {x.shape}"
    ):
        inspection.shape(y, tuple(x.shape[a] for a in order))


def moves(
    options: TransposeOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every value to its place."""
    yield outputs[0], inputs[0].transpose(options.order)


DEFINITION = Definition("TRANSPOSE", None, parse, inspect, moves)
