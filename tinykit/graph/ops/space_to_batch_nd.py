"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: every n-th pixel as an image of its own, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class BatchOptions:
    """Options of SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.

    Attributes: `blocks` pixels from one to the next of the same image, along height and width (height alone for three
    dimensions); `margins` of the large image beyond the tensor, before and after: padding or crops. None where the
    file does not fix them.
    """

    blocks: tuple[int, ...] | None
    margins: tuple[tuple[int, int], ...] | None


def parse(_table: Table, operands: Operands) -> BatchOptions:
    spatial = len(operands.shape(0)) - 2
    blocks, flat = numbers(operands, 1), numbers(operands, 2)
    if blocks is None or flat is None or len(blocks) != spatial or len(flat) != 2 * spatial or min(blocks) < 1:
        return BatchOptions(None, None)
    if min(flat) < 0:
        return BatchOptions(None, None)
    return BatchOptions(blocks, tuple(zip(flat[::2], flat[1::2], strict=True)))


def inspect_to_batch(inspection: Inspection) -> None:
    """SPACE_TO_BATCH_ND. TFLM pads with a number that it never sets, so there is nothing to be equal to."""
    if counts(inspection, (3, 3)) and _inspect(inspection, inspection.input, inspection.output):
        inspection.require(
            not any(amount for pair in inspection.options.margins for amount in pair),
            "TFLM pads with whatever its memory holds",
            "Pad with a layer of its own before it",
        )


def inspect_to_space(inspection: Inspection) -> None:
    """BATCH_TO_SPACE_ND."""
    if counts(inspection, (3, 3)):
        _inspect(inspection, inspection.output, inspection.input)


def _inspect(inspection: Inspection, large: Tensor, small: Tensor) -> bool:
    x, y, options = inspection.input, inspection.output, inspection.options
    if not (moves_type(inspection, x, y, types=TYPES) and most_dimensions(inspection, x, 4, 3)):
        return False
    if not (fixed(inspection, 1, "block shape") and fixed(inspection, 2, "margins")):
        return False
    if not inspection.require(options.blocks is not None, f"its blocks and margins do not fit {x.shape}"):
        return False
    if not inspection.rank(y, len(x.shape)):
        return False
    whole = [n + sum(pair) for n, pair in zip(large.shape[1:-1], options.margins, strict=True)]
    return inspection.require(
        all(n % b == 0 for n, b in zip(whole, options.blocks, strict=True)),
        f"{tuple(whole)} is no multiple of {options.blocks}",
    ) and inspection.shape(
        small,
        (
            large.shape[0] * math.prod(options.blocks),
            *(n // b for n, b in zip(whole, options.blocks, strict=True)),
            large.shape[-1],
        ),
    )


def _phases(options: BatchOptions, large: np.ndarray, small: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of views of the large image and the small ones that are the same pixels."""
    assert options.blocks is not None and options.margins is not None
    if not any(amount for pair in options.margins for amount in pair):
        yield _whole(options.blocks, large, small)
        return
    batch = large.shape[0]
    for k, shift in enumerate(np.ndindex(*options.blocks)):
        into, out_of = [], []
        for size, block, (before, _), first in zip(
            large.shape[1:-1], options.blocks, options.margins, shift, strict=True
        ):
            skipped = max(-(-(before - first) // block), 0)
            start = first + skipped * block - before
            count = max(-(-(size - start) // block), 0)
            into.append(slice(skipped, skipped + count))
            out_of.append(slice(start, start + count * block, block))
        if all(s.stop > s.start for s in into):
            yield large[(slice(None), *out_of)], small[(slice(k * batch, (k + 1) * batch), *into)]


def _whole(blocks: tuple[int, ...], large: np.ndarray, small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without margins: both as (block rows, block columns, n, rows, columns, channels)."""
    count, (n, *_, channels) = len(blocks), large.shape
    inner = small.shape[1:-1]
    split = large.reshape(n, *(k for pair in zip(inner, blocks, strict=True) for k in pair), channels)
    shifts, places = range(2, 2 * count + 1, 2), range(1, 2 * count, 2)
    return (
        split.transpose(*shifts, 0, *places, 2 * count + 1),
        small.reshape(*blocks, n, *inner, channels),
    )


def moves_to_batch(
    options: BatchOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pixel to its image."""
    for large, small in _phases(options, inputs[0], outputs[0]):
        yield small, large


def moves_to_space(
    options: BatchOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pixel that is not cropped back to its place."""
    return _phases(options, outputs[0], inputs[0])


DEFINITIONS = (
    Definition("SPACE_TO_BATCH_ND", None, parse, inspect_to_batch, moves_to_batch),
    Definition("BATCH_TO_SPACE_ND", None, parse, inspect_to_space, moves_to_space),
)
