"""CONV_2D for Thumb-2 cores without the DSP extension: one long multiplication is two products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels import packing
from tinykit.kernels.conv_2d_dsp import is_pointwise, pixel_steps, window
from tinykit.kernels.dsp import SCRATCH, clamped, proven, run_instructions
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization
from tinykit.kernels.steps import INPUT, OUTPUT, make_step
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

MOST_SUM = (1 << 22) - 1
"""What the products of a pixel may sum to: 23 bits with their sign lie below the other pixel's."""

COLUMN = 8
"""Bytes of scratch for a value of each of four pixels."""

GROUP, GROUP_TWO_SIDED, PRODUCTS, JOINED, PIXELS = 88, 106, 7 + 3 / 8, 2.6, 110
"""Instructions of eight outputs without their products, of eight products, to join a value, and of four pixels."""


RUN = 16
"""Instructions to find a row of a window."""


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for groups, several images, one channel, too large sums, or without a proven cheap requantization."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    is_meant = target.has("thumb2") and target.has("mul64") and not target.has("dsp")
    if not is_meant or x.dtype != "int8" or operator.options.groups > 1 or x.shape[0] > 1 or y.shape[3] < 2:
        return []
    meant = layer(graph, operator)
    if 128 * np.abs(meant.rows.astype(np.int64)).sum(axis=1).max() > MOST_SUM:
        return []
    found = proven(meant)
    if found is None:
        return []
    step = _step(operator, target, x, weights, y, found)
    overlaps = window_overlap(x.shape, y.shape, operator.options.vertical, operator.options.horizontal)
    return [replace(clamped(step, operator, y), overlaps=overlaps)]


def _step(operator: Operator, target: Target, x: Tensor, weights: Tensor, y: Tensor, found: Requantization) -> Step:
    assert weights.data is not None
    _, kernel_height, kernel_width, depth = weights.shape
    length = kernel_height * kernel_width * depth
    shape: dict[str, int]
    if is_pointwise(operator, x, weights, y):
        function, edge = "tk_conv_2d_thumb2_pointwise", 0
        shape = {}
        arguments = pixel_steps(operator, x, y)
    else:
        edge = 2 * kernel_width * depth
        function, (shape, arguments) = "tk_conv_2d_thumb2", window(operator, x, weights, y)
    stream = Constant("weights", packing.doubles(weights.data.reshape(weights.shape[0], -1), found), 4)
    step = make_step(
        operator,
        target,
        function,
        {**shape, "shift": found.shift},
        [INPUT, OUTPUT, SCRATCH, stream, found.offset, int(found.two_sided), *arguments],
        macs=y.elements * length,
        outputs=y.elements,
        library=(f"tk_conv_doubles{'_two_sided' if found.two_sided else ''}_{found.shift}",),
    )
    group = (GROUP_TWO_SIDED if found.two_sided else GROUP) + PRODUCTS * length
    fours = -(-y.shape[1] * y.shape[2] // 4)
    cost = round(fours * (-(-y.shape[3] // 2) * group + 4 * length * JOINED + PIXELS))
    if edge:
        cost += run_instructions(operator, x, weights, y, RUN)
    return replace(step, instructions=cost, scratch=COLUMN * length + edge)
