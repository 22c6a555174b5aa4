"""DEPTHWISE_CONV_2D with the DSP extension: four channels at a time, and where it pays two pixels."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels import packing
from tinykit.kernels.dsp import SCRATCH, clamped, padded_windows, proven
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.kernels.weighted import geometry, layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

PAIR_PIXELS, PAIR_GROUP, PAIR_ROW, PAIR_ROW_STRIDED = 75, 46, 50, 58
"""Instructions of two pixels, of four channels of them, and of each row of the kernel."""

ONE_PIXEL, ONE_GROUP, ONE_ROW, ONE_TAP = 60, 32, 6, 12
"""The same of one pixel, and of each tap."""

COPIED = 0.8
"""Instructions to copy a byte of a window that is padded."""


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for multipliers, several images, fewer than four channels, or without a proven cheap requantization."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not target.has("dsp") or x.dtype != "int8" or operator.options.multiplier > 1 or x.shape[0] > 1:
        return []
    if x.shape[3] < packing.GROUP:
        return []
    found = proven(layer(graph, operator))
    if found is None:
        return []
    make = _two_pixels if _can_take_two(operator, weights, y) else _one_pixel
    return [clamped(make(operator, target, x, weights, y, found), operator, y)]


def _can_take_two(operator: Operator, weights: Tensor, y: Tensor) -> bool:
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    plain = horizontal.dilation == 1 and horizontal.stride <= 2
    return weights.shape[2] == 3 and plain and (vertical.stride == horizontal.stride or y.shape[1] == 1)


def _two_pixels(
    operator: Operator, target: Target, x: Tensor, weights: Tensor, y: Tensor, found: Requantization
) -> Step:
    """Code that layers of one stride share."""
    stride = operator.options.horizontal.stride
    row = PAIR_ROW if stride == 1 else PAIR_ROW_STRIDED
    group = PAIR_GROUP + 16 * found.two_sided + row * weights.shape[1]
    pairs = y.shape[1] * -(-y.shape[2] // 2)
    sizes = _geometry(operator, x, weights, y, "stride_height", "stride_width", "dilation_width")
    shape = {"kernel_height": weights.shape[1], "stride": stride}
    step = _step(operator, target, "tk_depthwise_conv_2d_dsp", shape, [*sizes.values()], weights, x, y, found, 2)
    cost = pairs * (PAIR_PIXELS + -(-x.shape[3] // packing.GROUP) * group)
    return replace(
        step,
        instructions=cost + _padding(operator, x, weights, y),
        scratch=weights.shape[1] * (stride + 3) * x.shape[3],
    )


def _one_pixel(
    operator: Operator, target: Target, x: Tensor, weights: Tensor, y: Tensor, found: Requantization
) -> Step:
    """Code that layers share: what it knows of them is arguments."""
    sizes = _geometry(operator, x, weights, y)
    shape = {"kernel_height": weights.shape[1], "kernel_width": weights.shape[2]}
    shape |= {name: sizes.pop(name) for name in ("dilation_height", "dilation_width")}
    arguments = [*sizes.values()]
    step = _step(operator, target, "tk_depthwise_conv_2d_dsp_any", shape, arguments, weights, x, y, found, 1)
    cost = y.shape[1] * y.shape[2] * _single(x, weights, found) + _padding(operator, x, weights, y)
    return replace(step, instructions=cost, scratch=weights.elements)


def _geometry(operator: Operator, x: Tensor, weights: Tensor, y: Tensor, *known: str) -> dict[str, int]:
    """Sizes but for those that are `known`."""
    sizes = geometry(x.shape, weights.shape, y.shape, operator.options.vertical, operator.options.horizontal)
    known = (*known, "output_channels", "kernel_height", "kernel_width")
    return {name: value for name, value in sizes.items() if name not in known}


def _step(
    operator: Operator,
    target: Target,
    function: str,
    shape: dict[str, int],
    arguments: list[int],
    weights: Tensor,
    x: Tensor,
    y: Tensor,
    found: Requantization,
    pixels: int,
) -> Step:
    assert weights.data is not None
    stream = Constant("weights", packing.depthwise(weights.data[0], found), 4)
    axes = operator.options.vertical, operator.options.horizontal
    return make_step(
        operator,
        target,
        function,
        {**shape, "shift": found.shift, "two_sided": int(found.two_sided)},
        [INPUT, OUTPUT, SCRATCH, stream, found.offset, zero_point(x), *arguments],
        macs=y.elements * weights.shape[1] * weights.shape[2],
        outputs=y.elements,
        overlaps=window_overlap(x.shape, y.shape, *axes, pixels_per_block=pixels),
    )


def _single(x: Tensor, weights: Tensor, found: Requantization) -> int:
    """Predicted instructions of one pixel."""
    groups = -(-x.shape[3] // packing.GROUP)
    taps = weights.shape[1] * weights.shape[2]
    return ONE_PIXEL + groups * (ONE_GROUP + 8 * found.two_sided + ONE_ROW * weights.shape[1] + ONE_TAP * taps)


def _padding(operator: Operator, x: Tensor, weights: Tensor, y: Tensor) -> int:
    """Predicted instructions of copying the windows that reach over the image's edges."""
    return round(padded_windows(operator, x, weights, y) * weights.elements * COPIED)
