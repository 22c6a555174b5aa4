"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: squares of pixels as channels of one pixel, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.moving import counts, moves_type
from tinykit.graph.schema import BLOCK_OPTIONS, OPTIONS

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class BlockOptions:
    """Options of SPACE_TO_DEPTH and DEPTH_TO_SPACE: `block` the side of a square in pixels."""

    block: int


def parse(table: Table, _operands: Operands) -> BlockOptions:
    return BlockOptions(table.integer(BLOCK_OPTIONS.size, "i"))


def inspect_space_to_depth(inspection: Inspection) -> None:
    """SPACE_TO_DEPTH."""
    if counts(inspection, (1, 1)):
        _inspect(inspection, inspection.input, inspection.output)


def inspect_depth_to_space(inspection: Inspection) -> None:
    """DEPTH_TO_SPACE."""
    if counts(inspection, (1, 1)):
        _inspect(inspection, inspection.output, inspection.input)


def _inspect(inspection: Inspection, space: Tensor, depth: Tensor) -> None:
    block = inspection.options.block
    if not (moves_type(inspection, inspection.input, inspection.output, types=TYPES) and inspection.rank(space, 4)):
        return
    n, height, width, channels = space.shape
    if inspection.require(
        block >= 1 and height % block == 0 and width % block == 0, f"{height} x {width} is no multiple of {block}"
    ):
        inspection.shape(depth, (n, height // block, width // block, channels * block * block))


def _as_squares(space: np.ndarray, depth: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Both as (n, row of squares, row within, column of squares, column within, channel)."""
    n, rows, columns, _ = depth.shape
    channels = space.shape[3]
    return (
        space.reshape(n, rows, block, columns, block, channels),
        depth.reshape(n, rows, columns, block, block, channels).transpose(0, 1, 3, 2, 4, 5),
    )


def moves_to_depth(
    options: BlockOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every value to its place."""
    space, depth = _as_squares(inputs[0], outputs[0], options.block)
    yield depth, space


def moves_to_space(
    options: BlockOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every value to its place."""
    yield _as_squares(outputs[0], inputs[0], options.block)


DEFINITIONS = (
    Definition("SPACE_TO_DEPTH", OPTIONS.SPACE_TO_DEPTH, parse, inspect_space_to_depth, moves_to_depth),
    Definition("DEPTH_TO_SPACE", OPTIONS.DEPTH_TO_SPACE, parse, inspect_depth_to_space, moves_to_space),
)
