"""DEPTHWISE_CONV_2D with the DSP extension: four channels at a time, and where it pays two pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import channel_multipliers
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels import packing
from tinykit.kernels.dsp import SCRATCH, clamped, padded_windows, proven
from tinykit.kernels.hot import is_hot
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, optional_input, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

MOST_CHANNELS = 1000
"""For two pixels at a time: the instructions' offsets end at 4,095 bytes, and four pixels must lie within."""

HOT = 0.01
"""The part of the model's multiply-accumulates from which on a layer is worth code of its own."""


PAIR_PIXELS, PAIR_GROUP, PAIR_ROW, PAIR_ROW_STRIDED = 60, 45, 47, 53
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
    assert weights.data is not None and weights.quantization is not None
    rows = np.ascontiguousarray(weights.data.reshape(-1, x.shape[3]).T)
    multipliers, shifts = channel_multipliers(scale(x), weights.quantization.scales, scale(y), x.shape[3])
    found = proven(rows, optional_input(graph, operator, 2), x, y, multipliers, shifts)
    if found is None:
        return []
    make = _two_pixels if _can_take_two(operator, weights) and is_hot(graph, y, weights.elements, HOT) else _one_pixel
    return [clamped(make(operator, target, x, weights, y, found), operator, y)]


def _can_take_two(operator: Operator, weights: Tensor) -> bool:
    return weights.shape[2] == 3 and operator.options.horizontal.dilation == 1 and weights.shape[3] <= MOST_CHANNELS


def _two_pixels(
    operator: Operator, target: Target, x: Tensor, weights: Tensor, y: Tensor, found: Requantization
) -> Step:
    """Code of the layer's own."""
    is_same = operator.options.horizontal.stride == 1
    row, pixel, group = (PAIR_ROW if is_same else PAIR_ROW_STRIDED), PAIR_PIXELS, PAIR_GROUP
    groups = -(-x.shape[3] // packing.GROUP)
    pairs, singles = y.shape[1] * (y.shape[2] // 2), y.shape[1] * (y.shape[2] % 2)
    cost = pairs * (pixel + groups * (group + row * weights.shape[1])) + singles * _single(x, weights, found)
    cost += 2 * groups * pairs * 8 * found.two_sided
    shape = {**_geometry(operator, x, y), "pixels": 2}
    window = weights.shape[1] * (operator.options.horizontal.stride + 3) * x.shape[3]
    step = _step(operator, target, "tk_depthwise_conv_2d_dsp", shape, [], weights, x, y, found, 2)
    return replace(
        step,
        instructions=cost + _padding(operator, x, weights, y),
        scratch=window,
    )


def _one_pixel(
    operator: Operator, target: Target, x: Tensor, weights: Tensor, y: Tensor, found: Requantization
) -> Step:
    """Code that layers share: what it knows of them is arguments."""
    known = ("dilation_height", "dilation_width")
    geometry = _geometry(operator, x, y)
    shape = {name: geometry.pop(name) for name in known}
    arguments = list(geometry.values())
    step = _step(operator, target, "tk_depthwise_conv_2d_dsp_any", shape, arguments, weights, x, y, found, 1)
    cost = y.shape[1] * y.shape[2] * _single(x, weights, found) + round(
        padded_windows(operator, x, weights, y) * weights.elements * COPIED
    )
    return replace(step, instructions=cost, scratch=weights.elements)


def _geometry(operator: Operator, x: Tensor, y: Tensor) -> dict[str, int]:
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    return {
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "channels": x.shape[3],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "dilation_width": horizontal.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
    }


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
    kernel = {"kernel_height": weights.shape[1], "kernel_width": weights.shape[2]}
    stream = Constant("weights", packing.depthwise(weights.data[0], found), 4)
    axes = operator.options.vertical, operator.options.horizontal
    return make_step(
        operator,
        target,
        function,
        {**shape, **kernel, "shift": found.shift, "two_sided": int(found.two_sided)},
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
