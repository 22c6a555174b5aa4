"""What ADD and AVERAGE_POOL_2D share on cores with instructions for them: TFLM's bytes, and which operators fit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinykit.graph.arithmetic import (
    ADD_LEFT_SHIFT,
    activation_range,
    add_multipliers,
    multiply_by_quantized_multiplier,
)
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.dsp import clamped
from tinykit.kernels.steps import INPUT, OUTPUT, Argument, make_step, scale, zero_point
from tinykit.plan.model import Overlap, Pointer, Step
from tinykit.targets import Target

MOST_PIXELS = 255
"""Sums of so many int8 values fit 16 bits."""

Constants = tuple[int, int, int, int]
"""ADD's factors of both operands, offset, and shift to the right."""

Find = Callable[[tuple[float, float, float], tuple[int, ...]], Constants | None]
"""Constants for the scales and zero points of both operands and the output; None where none give TFLM's bytes."""


def add_steps(graph: Graph, operator: Operator, target: Target, function: str, find: Find) -> list[Step]:
    """ADD by the kernel `function`; none for broadcast or constant operands, or without constants."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    plain = a.shape == b.shape == y.shape and not (a.is_constant or b.is_constant)
    if y.dtype != "int8" or not plain:
        return []
    found = find((scale(a), scale(b), scale(y)), (zero_point(a), zero_point(b), zero_point(y)))
    if found is None:
        return []
    step = make_step(
        operator,
        target,
        function,
        {"shift": found[3]},
        [INPUT, Pointer("input", 1), OUTPUT, *found[:3], y.elements],
        inputs=operator.inputs,
        outputs=y.elements,
        overlaps=(Overlap(0, 0, 0), Overlap(1, 0, 0)),
    )
    return [clamped(step, operator, y)]


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


def offsets(wanted: np.ndarray, sums: np.ndarray, shift: int) -> tuple[int, int] | None:
    """The least and the greatest number that added to `sums` gives `wanted`, shifted to the right and saturated.

    The least is above the greatest where nothing does; None where all of `wanted` is one end of int8.
    """
    above, below = wanted > -128, wanted < 127
    if not (above.any() and below.any()):
        return None
    return int(((wanted << shift) - sums)[above].max()), int((((wanted + 1) << shift) - 1 - sums)[below].min())


def average_all_steps(
    graph: Graph, operator: Operator, target: Target, function: str, scratch: list[Argument], reads: int
) -> list[Step]:
    """AVERAGE_POOL_2D by the kernel `function` where the window is the whole image."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    options = operator.options
    window = options.height, options.width
    if x.dtype != "int8" or (x.shape[0], *y.shape[:3]) != (1, 1, 1, 1):
        return []
    pixels = math.prod(window)
    if window != x.shape[1:3] or options.vertical.before or options.horizontal.before or pixels > MOST_PIXELS:
        return []
    low, high = activation_range(options.activation, scale(y), zero_point(y), y.dtype)
    return [
        make_step(
            operator,
            target,
            function,
            {"pixels": pixels, "low": low, "high": high},
            [INPUT, OUTPUT, *scratch, x.shape[3]],
            reads=reads,
            outputs=y.elements,
            overlaps=(Overlap(0, 0, 0),),
        )
    ]
