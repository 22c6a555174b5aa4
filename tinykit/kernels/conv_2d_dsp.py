"""CONV_2D with the DSP extension: weights packed in pairs of channels, two pixels at a time."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels import packing
from tinykit.kernels.dsp import COLUMN_PAIR, SCRATCH, clamped, convolution_instructions, core, proven, run_instructions
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.kernels.weighted import geometry, layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

RUN = 8
"""Instructions to find a row of a window."""

OWN_CODE = 1000
"""Products of a window below which what the loops around them cost is felt."""


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for groups, several images, or a layer whose requantization has no proven cheap form."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not target.has("dsp") or x.dtype != "int8" or operator.options.groups > 1 or x.shape[0] > 1:
        return []
    meant = layer(graph, operator)
    found = proven(meant) if packing.can_pair(meant.rows) else None
    if found is None:
        return []
    step = _step(operator, target, x, weights, y, found)
    overlaps = window_overlap(x.shape, y.shape, operator.options.vertical, operator.options.horizontal)
    return [replace(clamped(step, operator, y), overlaps=overlaps)]


def is_pointwise(operator: Operator, x: Tensor, weights: Tensor, y: Tensor) -> bool:
    """Whether each window is one pixel of the image."""
    axes = operator.options.vertical, operator.options.horizontal
    inside = ((n - 1) * a.stride < size for n, a, size in zip(y.shape[1:3], axes, x.shape[1:3], strict=True))
    return weights.shape[1:3] == (1, 1) and not any(a.before for a in axes) and all(inside)


def pixel_steps(operator: Operator, x: Tensor, y: Tensor) -> list[int]:
    """Of windows of one pixel: channels in and out, pixels, pixels a row, bytes to the next, more to the next row."""
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    step = horizontal.stride * x.shape[3]
    skip = vertical.stride * x.shape[2] * x.shape[3] - y.shape[2] * step
    return [x.shape[3], y.shape[3], y.shape[1] * y.shape[2], y.shape[2], step, skip]


def window(operator: Operator, x: Tensor, weights: Tensor, y: Tensor) -> tuple[dict[str, int], list[int]]:
    """Shape and last arguments for any window: where there is little work in each, layers do not share code."""
    sizes = geometry(x.shape, weights.shape, y.shape, operator.options.vertical, operator.options.horizontal)
    return {"own": weights.elements if weights.elements < OWN_CODE else 0}, [zero_point(x), *sizes.values()]


def _step(operator: Operator, target: Target, x: Tensor, weights: Tensor, y: Tensor, found: Requantization) -> Step:
    assert weights.data is not None
    _, kernel_height, kernel_width, depth = weights.shape
    pairs = kernel_height * ((kernel_width * depth + 1) // 2)
    shape: dict[str, int]
    if is_pointwise(operator, x, weights, y):
        function, edge = "tk_conv_2d_dsp_pointwise", 0
        shape = {}
        arguments = pixel_steps(operator, x, y)
    else:
        edge = 2 * kernel_width * depth
        function, (shape, arguments) = "tk_conv_2d_dsp", window(operator, x, weights, y)
    stream = Constant("weights", packing.convolution(weights.data, found), 4)
    step = make_step(
        operator,
        target,
        function,
        {**shape, "shift": found.shift},
        [INPUT, OUTPUT, SCRATCH, stream, found.offset, int(found.two_sided), *arguments],
        macs=y.elements * kernel_height * kernel_width * depth,
        outputs=y.elements,
        library=core(found),
    )
    cost = convolution_instructions(y.shape[1] * y.shape[2], pairs, y.shape[3], found.two_sided)
    if edge:
        cost += run_instructions(operator, x, weights, y, RUN)
    return replace(step, instructions=cost, scratch=COLUMN_PAIR * pairs + edge)
