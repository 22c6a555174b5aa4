"""Outputs that write over their inputs: the granted distance is safe for every kernel in ascending order, and tight."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit.graph.window import Axis
from tinykit.kernels.overlap import window_overlap

POISON = -1


@st.composite
def slides(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, int], tuple[Axis, Axis], int]:
    """Input and output shapes, the window's taps, its axes, and how many pixels a kernel computes at a time."""
    size, outputs, taps, axes = [], [], [], []
    for _ in range(2):
        taps.append(draw(st.integers(1, 4)))
        dilation = draw(st.integers(1, 2))
        axis = Axis(draw(st.integers(1, 3)), dilation, draw(st.integers(0, 3)), draw(st.integers(0, 3)))
        least = max((taps[-1] - 1) * dilation + 1 - axis.before - axis.after, 1)
        size.append(draw(st.integers(least, least + 6)))
        outputs.append(axis.outputs(size[-1], taps[-1]))
        axes.append(axis)
    batches = draw(st.integers(1, 2))
    x = (batches, *size, draw(st.integers(1, 4)))
    y = (batches, *outputs, draw(st.integers(1, 5)))
    return x, y, (taps[0], taps[1]), (axes[0], axes[1]), draw(st.integers(1, 5))


def windows(x, y, taps, axes):
    """For each output pixel the input pixels that its window reads."""
    inside = []
    for k in range(2):
        starts = np.arange(y[k + 1]) * axes[k].stride - axes[k].before
        found = [[s + t * axes[k].dilation for t in range(taps[k])] for s in starts]
        inside.append([[p for p in row if 0 <= p < x[k + 1]] for row in found])
    return [
        [(batch * x[1] + row) * x[2] + column for row in rows for column in columns]
        for batch in range(x[0])
        for rows in inside[0]
        for columns in inside[1]
    ]


def survives(slide, before: int) -> bool:
    """Whether a kernel sees its whole input, where some pixels of a block are written before the others are read."""
    x, y, taps, axes, block = slide
    memory = np.full(before + int(np.prod(x)) + int(np.prod(y)), POISON)
    values = np.arange(int(np.prod(x)))
    memory[before : before + values.size] = values
    pixels = windows(x, y, taps, axes)
    channels = np.arange(x[3])
    for number in range(len(pixels)):
        memory[number * y[3] : (number + 1) * y[3]] = POISON
        for reader in range(max(number - block + 1, 0), min(number + block, len(pixels))):
            for pixel in pixels[reader]:
                at = pixel * x[3] + channels
                if (memory[before + at] != at).any():
                    return False
    return True


@given(slides())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_byte_is_read_after_it_was_overwritten(slide) -> None:
    x, y, _, axes, block = slide
    for overlap in window_overlap(x, y, *axes, pixels_per_block=block):
        assert survives(slide, overlap.before)


def test_the_distance_is_no_larger_than_it_must_be() -> None:
    x, axis = (1, 6, 5, 4), Axis(1, 1, 1, 1)
    (overlap,) = window_overlap(x, x, axis, axis)
    assert overlap.before == (5 + 1) * 4 + 4
    assert not survives((x, x, (3, 3), (axis, axis), 1), overlap.before - 1)


def test_nothing_is_granted_where_nothing_is_shared() -> None:
    assert window_overlap((1, 4, 4, 8), (1, 1, 1, 8), Axis(4), Axis(4)) == ()
