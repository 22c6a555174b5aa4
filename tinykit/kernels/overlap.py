"""How far ahead of its input an output may start where a sliding window writes over what it has read.

    window_overlap(x, y, vertical, horizontal, kernel, ...) -> Overlap permissions

The proof is for any kernel that computes output pixels in ascending order, a few at a time: all it knows is which input
pixels each output pixel needs. While an output pixel is written, the reads of its own block and of all later pixels
are still to come; so the end of what is written must never pass the first input pixel that those need.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinykit.graph.window import Axis
from tinykit.plan.model import Overlap

Shape = tuple[int, ...]


def window_overlap(
    x: Shape,
    y: Shape,
    vertical: Axis,
    horizontal: Axis,
    *,
    pixels_per_block: int = 1,
    input: int = 0,
) -> tuple[Overlap, ...]:
    """The permission for an output of single bytes to overlap the input that its windows slide over.

    Args:
        x, y: shapes (batches, height, width, channels) of input and output, both of one byte a value.
        vertical, horizontal: the window's stride and padding.
        pixels_per_block: output pixels of which some may be written before the windows of the others are read, counted
            along the row-major order; a kernel that works row by row passes the width.
        input: which of the step's inputs x is.

    Returns: one permission, or none where nothing could be shared.
    """
    before = write_lead(x, y, vertical, horizontal, pixels_per_block)
    return (Overlap(input, 0, before),) if before < int(np.prod(y)) else ()


@lru_cache(maxsize=1024)
def write_lead(x: Shape, y: Shape, vertical: Axis, horizontal: Axis, pixels_per_block: int) -> int:
    """The least number of bytes by which the output must start before the input; see `window_overlap`."""
    reads = first_reads(x, y, vertical, horizontal)
    to_come = np.minimum.accumulate(reads[::-1])[::-1]
    block_starts = np.maximum(np.arange(reads.size) - (pixels_per_block - 1), 0)
    written = (np.arange(reads.size) + 1) * y[3]
    return max(int((written - to_come[block_starts] * x[3]).max()), 0)


def first_reads(x: Shape, y: Shape, vertical: Axis, horizontal: Axis) -> np.ndarray:
    """For each output pixel, row-major, the number of the first input pixel of its window inside the image."""
    rows = _first_inside(y[1], x[1], vertical)
    columns = _first_inside(y[2], x[2], horizontal)
    images = np.arange(x[0]) * (x[1] * x[2])
    return (images[:, None, None] + rows[:, None] * x[2] + columns).reshape(-1)


def _first_inside(outputs: int, size: int, axis: Axis) -> np.ndarray:
    """For each output along an axis a position that none of its taps inside the image precedes."""
    return np.clip(np.arange(outputs) * axis.stride - axis.before, 0, size - 1)
