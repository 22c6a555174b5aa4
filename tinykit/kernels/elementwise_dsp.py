"""ADD and AVERAGE_POOL_2D with the DSP extension.

ADD in fixed point of its own: `(offset + (a * x >> 8) + (b * y >> 8)) >> shift`, saturated, whose constants are
searched at compile time and proven on all 65,536 pairs of values.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.elementwise_fast import Constants, add_steps, added, average_all_steps, offsets
from tinykit.kernels.registry import lowering
from tinykit.plan.model import Step
from tinykit.targets import Target

TRIES = 400
"""Random steps of the search for ADD's constants."""


@lowering("ADD")
def lower_add(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for broadcast or constant operands, or where no constants give all of TFLM's bytes."""
    return add_steps(graph, operator, target, "tk_add_dsp", _constants) if target.has("dsp") else []


@functools.lru_cache(maxsize=256)
def _constants(scales: tuple[float, float, float], zero_points: tuple[int, ...]) -> Constants | None:
    return _search(added(scales, zero_points), scales[0] / scales[2], scales[1] / scales[2])


def _search(wanted: np.ndarray, first: float, second: float) -> Constants | None:
    """Constants that give `wanted`, int (256, 256) by both operands' values; `first`, `second`: their real factors."""
    shift = math.floor(22.99 - math.log2(max(first, second)))
    shift = min(shift, math.floor(31 - math.log2(128 * (first + second) * 1.01 + 400)), 30)
    if shift < 1:
        return None
    values = np.arange(-128, 128, dtype=np.int64) << 8
    if offsets(wanted, wanted, shift) is None:
        return None

    def room(a: int, b: int) -> tuple[int, int, int]:
        """How many offsets fit (less 1), the middle one, and the largest sum."""
        sums = ((a * values) >> 16)[:, None] + ((b * values) >> 16)[None, :]
        found = offsets(wanted, sums, shift)
        assert found is not None
        return found[1] - found[0], (found[1] + found[0]) // 2, int(np.abs(sums).max())

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
    reads = graph.tensor(operator.inputs[0]).elements
    return average_all_steps(graph, operator, target, "tk_average_all_dsp", [], reads) if target.has("dsp") else []
