"""PACK and UNPACK: tensors of one shape along a new axis, and back. TFLM lacks UNPACK of bool, which masks become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, given, moves_type, positive_axis
from tinykit.graph.schema import OPTIONS, PACK_OPTIONS

PACKED_TYPES = ("int8", "int16", "int32", "int64", "float32")
UNPACKED_TYPES = ("int8", "int16", "int32", "float32", "bool")
MOST_PARTS = 1024


@dataclass(frozen=True)
class PackOptions:
    """Options of PACK and UNPACK.

    Attributes: `axis` the one that is added or removed, from the front; None where it is outside the shape. `count`
    how many tensors the file says.
    """

    axis: int | None
    count: int


def parse_pack(table: Table, operands: Operands) -> PackOptions:
    """PACK: the axis is one of the output's."""
    return _options(table, len(operands.outputs[0].shape) if operands.outputs else 0)


def parse_unpack(table: Table, operands: Operands) -> PackOptions:
    """UNPACK: the axis is one of the input's."""
    return _options(table, len(operands.shape(0)))


def _options(table: Table, rank: int) -> PackOptions:
    axis = positive_axis(table.integer(PACK_OPTIONS.axis, "i"), rank)
    return PackOptions(axis, table.integer(PACK_OPTIONS.count, "i"))


def inspect_pack(inspection: Inspection) -> None:
    """PACK."""
    if counts(inspection, (1, MOST_PARTS)):
        parts = [given(inspection, k) for k in range(len(inspection.inputs))]
        if moves_type(inspection, inspection.output, *parts, types=PACKED_TYPES):
            _stack(inspection, inspection.output.shape, [t.shape for t in parts])


def inspect_unpack(inspection: Inspection) -> None:
    """UNPACK."""
    if counts(inspection, (1, 1), (1, MOST_PARTS)):
        x, parts = inspection.input, inspection.outputs
        if moves_type(inspection, x, *parts, types=UNPACKED_TYPES):
            _stack(inspection, x.shape, [t.shape for t in parts])


def _stack(inspection: Inspection, whole: tuple[int, ...], parts: list[tuple[int, ...]]) -> None:
    options: PackOptions = inspection.options
    if inspection.require(options.axis is not None, f"its axis is outside {whole}"):
        axis = options.axis
        assert axis is not None
        part = (*whole[:axis], *whole[axis + 1 :])
        inspection.require(
            whole[axis] == len(parts) == options.count and all(p == part for p in parts),
            f"{len(parts)} tensors of {parts[0]} are not {whole} along axis {axis}",
        )


def moves_pack(
    options: PackOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each input to its position of the output."""
    assert options.axis is not None
    for k, x in enumerate(inputs):
        yield np.moveaxis(outputs[0], options.axis, 0)[k, ...], x


def moves_unpack(
    options: PackOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each position of the input to its output."""
    assert options.axis is not None
    for k, y in enumerate(outputs):
        yield y, np.moveaxis(inputs[0], options.axis, 0)[k, ...]


DEFINITIONS = (
    Definition("PACK", OPTIONS.PACK, parse_pack, inspect_pack, moves_pack),
    Definition("UNPACK", OPTIONS.UNPACK, parse_unpack, inspect_unpack, moves_unpack),
)
