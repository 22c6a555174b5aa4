"""ADD and AVERAGE_POOL_2D with Helium (MVE).

ADD in fixed point of its own: `(a * x + b * y + c) >> shift`, saturated, whose constants are searched at compile time
and proven on all 65,536 pairs of values.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.elementwise_fast import Constants, add_steps, added, average_all_steps, offsets
from tinykit.kernels.mve import SCRATCH
from tinykit.kernels.registry import lowering
from tinykit.plan.model import Step
from tinykit.targets import Target

MOST_SHIFT = 30
"""Of ADD: 1 to 32 can be encoded."""

VALUES = np.arange(-128, 128, dtype=np.int64)

ENDS = (-128, 127)

POOL_CHANNELS = 16
"""Channels that are summed at a time."""

POOL_PIXEL, POOL_GROUP, POOL_OUTPUT = 8, 16, 10
"""Instructions of 16 channels of a pixel, of 16 channels, and of an output."""


@lowering("ADD")
def lower_add(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for broadcast or constant operands, or where no constants give all of TFLM's bytes."""
    return add_steps(graph, operator, target, "tk_add_mve", find_constants) if target.has("mve") else []


@functools.lru_cache(maxsize=256)
def find_constants(scales: tuple[float, float, float], zero_points: tuple[int, ...]) -> Constants | None:
    """(a, b, c, shift) for the scales and zero points of both operands and the output; None where none were found."""
    wanted = added(scales, zero_points)
    first, second = scales[0] / scales[2], scales[1] / scales[2]
    corners = [first * (x - zero_points[0]) + second * (y - zero_points[1]) for x in ENDS for y in ENDS]
    shift = min(MOST_SHIFT, math.floor(31 - math.log2(max(abs(c + zero_points[2]) + 1 for c in corners))))
    if shift < 1:
        return None
    near = (0, -1, 1, -2, 2)
    for a, b in ((round(first * 2**shift) + i, round(second * 2**shift) + j) for i in near for j in near):
        c = _offset(wanted, (a * VALUES)[:, None] + (b * VALUES)[None, :], shift)
        if c is not None:
            return a, b, c, shift
    return None


def _offset(wanted: np.ndarray, sums: np.ndarray, shift: int) -> int | None:
    """What added to `sums` gives, shifted to the right and saturated, all of `wanted`; None where nothing does."""
    found = offsets(wanted, sums, shift)
    if found is None:
        return None
    c = (found[0] + found[1]) // 2
    shifted = (sums + c) >> shift
    fits = (sums + c).min() >= -(1 << 31) and (sums + c).max() < 1 << 31  # products and their sum may wrap around
    return c if fits and abs(c) < 1 << 31 and np.array_equal(np.clip(shifted, -128, 127), wanted) else None


@lowering("AVERAGE_POOL_2D")
def lower_average(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Only where the window is the whole image."""
    if not target.has("mve"):
        return []
    *_, height, width, channels = graph.tensor(operator.inputs[0]).shape
    groups = -(-channels // POOL_CHANNELS)
    cost = groups * (height * width * POOL_PIXEL + POOL_GROUP) + POOL_OUTPUT * channels
    steps = average_all_steps(graph, operator, target, "tk_average_all_mve", [SCRATCH], 0)
    return [replace(step, instructions=step.instructions + cost, scratch=2 * POOL_CHANNELS) for step in steps]
