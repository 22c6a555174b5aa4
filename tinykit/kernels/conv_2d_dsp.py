"""CONV_2D with the DSP extension: weights packed in pairs of channels, two pixels at a time."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.arithmetic import channel_multipliers
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels import packing
from tinykit.kernels.dsp import COLUMN_PAIR, SCRATCH, clamped, convolution_instructions, core, proven, run_instructions
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, optional_input, scale, zero_point
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
    assert weights.data is not None and weights.quantization is not None
    rows = weights.data.reshape(weights.shape[0], -1)
    if not packing.can_pair(rows):
        return []
    multipliers, shifts = channel_multipliers(scale(x), weights.quantization.scales, scale(y), weights.shape[0])
    found = proven(rows, optional_input(graph, operator, 2), x, y, multipliers, shifts)
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


def window_kernel(
    function: str, operator: Operator, x: Tensor, weights: Tensor, y: Tensor
) -> tuple[str, dict[str, int], list[int]]:
    """Function, shape and last arguments for any window: code of its own where there is little work in each."""
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    geometry = {
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "input_channels": x.shape[3],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "output_channels": y.shape[3],
        "kernel_height": weights.shape[1],
        "kernel_width": weights.shape[2],
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "dilation_width": horizontal.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
    }
    if weights.elements < OWN_CODE:
        return function, geometry, [zero_point(x)]
    return f"{function}_any", {}, [zero_point(x), *geometry.values()]


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
        function, shape, arguments = window_kernel("tk_conv_2d_dsp", operator, x, weights, y)
    stream = Constant("weights", packing.convolution(weights.data, found), 4)
    step = make_step(
        operator,
        target,
        function,
        {**shape, "shift": found.shift, "two_sided": int(found.two_sided)},
        [INPUT, OUTPUT, SCRATCH, stream, found.offset, *arguments],
        macs=y.elements * kernel_height * kernel_width * depth,
        outputs=y.elements,
        library=core(found),
    )
    cost = convolution_instructions(y.shape[1] * y.shape[2], pairs, y.shape[3], found.two_sided)
    if edge:
        cost += run_instructions(operator, x, weights, y, RUN)
    return replace(step, instructions=cost, scratch=COLUMN_PAIR * pairs + edge)
