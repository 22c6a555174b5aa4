"""ADD and AVERAGE_POOL_2D with the DSP extension.

ADD in fixed point of its own: `(offset + (a * x >> 8) + (b * y >> 8)) >> shift`, saturated, whose constants are
searched at compile time and proven on all 65,536 pairs of values.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from tinykit.graph.arithmetic import (
    ADD_LEFT_SHIFT,
    activation_range,
    add_multipliers,
    multiply_by_quantized_multiplier,
)
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.dsp import clamped
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, scale, zero_point
from tinykit.plan.model import Overlap, Pointer, Step
from tinykit.targets import Target

MOST_PIXELS = 255
"""Sums of so many int8 values fit 16 bits."""

TRIES = 400
"""Random steps of the search for ADD's constants."""


@lowering("ADD")
def lower_add(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for broadcast or constant operands, or where no constants give all of TFLM's bytes."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    plain = a.shape == b.shape == y.shape and not (a.is_constant or b.is_constant)
    if not target.has("dsp") or y.dtype != "int8" or not plain:
        return []
    found = _constants((scale(a), scale(b), scale(y)), (zero_point(a), zero_point(b), zero_point(y)))
    if found is None:
        return []
    step = make_step(
        operator,
        target,
        "tk_add_dsp",
        {"shift": found[3]},
        [INPUT, Pointer("input", 1), OUTPUT, *found[:3], y.elements],
        inputs=operator.inputs,
        outputs=y.elements,
        overlaps=(Overlap(0, 0, 0), Overlap(1, 0, 0)),
    )
    return [clamped(step, operator, y)]


@functools.lru_cache(maxsize=256)
def _constants(scales: tuple[float, float, float], zero_points: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """(a, b, offset, shift) for the scales and zero points of both operands and the output."""
    return _search(added(scales, zero_points), scales[0] / scales[2], scales[1] / scales[2])


def added(scales: tuple[float, float, float], zero_points: tuple[int, ...]) -> np.ndarray:
    """TFLM's outputs of ADD, int64 (256, 256) by the first and the second operand's value from -128 on."""
    values = np.arange(-128, 128, dtype=np.int64)
    first, second, last = add_multipliers(*scales, ADD_LEFT_SHIFT)
    terms = [
        multiply_by_quantized_multiplier((values - zero) << ADD_LEFT_SHIFT, *factor)
        for zero, factor in zip(zero_points, (first, second), strict=False)
    ]
    total = multiply_by_quantized_multiplier(terms[0][:, None] + terms[1][None, :], *last) + zero_points[2]
    return np.clip(total, -128, 127)


def _search(wanted: np.ndarray, first: float, second: float) -> tuple[int, int, int, int] | None:
    """Constants that give `wanted`, int (256, 256) by both operands' values; `first`, `second`: their real factors."""
    shift = math.floor(22.99 - math.log2(max(first, second)))
    shift = min(shift, math.floor(31 - math.log2(128 * (first + second) * 1.01 + 400)), 30)
    if shift < 1:
        return None
    values = np.arange(-128, 128, dtype=np.int64) << 8
    above, below = wanted > -128, wanted < 127
    if not (above.any() and below.any()):
        return None

    def room(a: int, b: int) -> tuple[int, int, int]:
        """How many offsets fit (less 1), the middle one, and the largest sum."""
        sums = ((a * values) >> 16)[:, None] + ((b * values) >> 16)[None, :]
        least = int(((wanted << shift) - sums)[above].max())
        most = int((((wanted + 1) << shift) - 1 - sums)[below].min())
        return most - least, (most + least) // 2, int(np.abs(sums).max())

    a, b = round(first * 2.0 ** (shift + 8)), round(second * 2.0 ** (shift + 8))
    best = room(a, b)
    random = np.random.default_rng(0)
    step = max(a, b) / 2**16
    for _ in range(TRIES):
        if best[0] >= 0:
            break
        near_a, near_b = a + round(random.normal() * step), b + round(random.normal() * step)
        found = room(near_a, near_b) if 0 < near_a < 1 << 31 and 0 < near_b < 1 << 31 else best
        if found[0] > best[0]:
            a, b, best = near_a, near_b, found
        else:
            step = max(step * 0.985, 4.0)
    offset = best[1]
    if not (0 < a < 1 << 31 and 0 < b < 1 << 31) or best[0] < 0 or abs(offset) + best[2] >= 1 << 31:
        return None
    sums = ((a * values) >> 16)[:, None] + ((b * values) >> 16)[None, :] + offset
    return (a, b, offset, shift) if np.array_equal(np.clip(sums >> shift, -128, 127), wanted) else None


@lowering("AVERAGE_POOL_2D")
def lower_average(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Only where the window is the whole image."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    options = operator.options
    window = options.height, options.width
    if not target.has("dsp") or x.dtype != "int8" or (x.shape[0], *y.shape[:3]) != (1, 1, 1, 1):
        return []
    pixels = math.prod(window)
    if window != x.shape[1:3] or options.vertical.before or options.horizontal.before or pixels > MOST_PIXELS:
        return []
    low, high = activation_range(options.activation, scale(y), zero_point(y), y.dtype)
    return [
        make_step(
            operator,
            target,
            "tk_average_all_dsp",
            {"pixels": pixels, "low": low, "high": high},
            [INPUT, OUTPUT, x.shape[3]],
            reads=x.elements,
            outputs=y.elements,
            overlaps=(Overlap(0, 0, 0),),
        )
    ]
