"""ADD and AVERAGE_POOL_2D with Helium (MVE).

ADD in fixed point of its own: `(a * x + b * y + c) >> shift`, saturated, whose constants are searched at compile time
and proven on all 65,536 pairs of values.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import activation_range
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.dsp import clamped
from tinykit.kernels.elementwise_dsp import MOST_PIXELS, added
from tinykit.kernels.mve import SCRATCH
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, scale, zero_point
from tinykit.plan.model import Overlap, Pointer, Step
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
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    plain = a.shape == b.shape == y.shape and not (a.is_constant or b.is_constant)
    if not target.has("mve") or y.dtype != "int8" or not plain:
        return []
    found = find_constants((scale(a), scale(b), scale(y)), (zero_point(a), zero_point(b), zero_point(y)))
    if found is None:
        return []
    step = make_step(
        operator,
        target,
        "tk_add_mve",
        {"shift": found[3]},
        [INPUT, Pointer("input", 1), OUTPUT, *found[:3], y.elements],
        inputs=operator.inputs,
        outputs=y.elements,
        overlaps=(Overlap(0, 0, 0), Overlap(1, 0, 0)),
    )
    return [clamped(step, operator, y)]


@functools.lru_cache(maxsize=256)
def find_constants(
    scales: tuple[float, float, float], zero_points: tuple[int, ...]
) -> tuple[int, int, int, int] | None:
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
    above, below = wanted > -128, wanted < 127
    if not (above.any() and below.any()):
        return None
    least = int(((wanted << shift) - sums)[above].max())
    most = int((((wanted + 1) << shift) - 1 - sums)[below].min())
    c = (least + most) // 2
    shifted = (sums + c) >> shift
    fits = (sums + c).min() >= -(1 << 31) and (sums + c).max() < 1 << 31  # products and their sum may wrap around
    return c if fits and abs(c) < 1 << 31 and np.array_equal(np.clip(shifted, -128, 127), wanted) else None


@lowering("AVERAGE_POOL_2D")
def lower_average(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Only where the window is the whole image."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    options = operator.options
    window = options.height, options.width
    if not target.has("mve") or x.dtype != "int8" or (x.shape[0], *y.shape[:3]) != (1, 1, 1, 1):
        return []
    pixels = math.prod(window)
    if window != x.shape[1:3] or options.vertical.before or options.horizontal.before or pixels > MOST_PIXELS:
        return []
    low, high = activation_range(options.activation, scale(y), zero_point(y), y.dtype)
    channels = x.shape[3]
    step = make_step(
        operator,
        target,
        "tk_average_all_mve",
        {"pixels": pixels, "low": low, "high": high},
        [INPUT, OUTPUT, SCRATCH, channels],
        outputs=y.elements,
        overlaps=(Overlap(0, 0, 0),),
    )
    groups = -(-channels // POOL_CHANNELS)
    cost = groups * (pixels * POOL_PIXEL + POOL_GROUP) + POOL_OUTPUT * channels
    return [replace(step, instructions=step.instructions + cost, scratch=2 * POOL_CHANNELS)]
