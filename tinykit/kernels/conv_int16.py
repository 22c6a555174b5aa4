"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of int16 activations with int8 weights, in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.accumulator import has_wide_sums
from tinykit.graph.arithmetic import activation_range, channel_multipliers, fully_connected_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.graph.window import Axis
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, optional_input, quantization, scale, zero_point
from tinykit.kernels.wide import wide_sums
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

Image = tuple[int, int, int, int]
"""Batches, height, width, channels."""


@lowering("CONV_2D", dtype="int16")
def lower_conv_2d(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None
    pairs = channel_multipliers(scale(x), quantization(weights).scales, scale(y), weights.shape[0])
    axes = operator.options.vertical, operator.options.horizontal
    return [_step(graph, operator, target, weights.data, pairs, x.shape, y.shape, axes)]  # type: ignore[arg-type]


@lowering("DEPTHWISE_CONV_2D", dtype="int16")
def lower_depthwise(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A convolution in groups of one channel."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None
    pairs = channel_multipliers(scale(x), quantization(weights).scales, scale(y), weights.shape[3])
    packed = np.ascontiguousarray(np.transpose(weights.data, (3, 1, 2, 0)))
    axes = operator.options.vertical, operator.options.horizontal
    return [_step(graph, operator, target, packed, pairs, x.shape, y.shape, axes)]  # type: ignore[arg-type]


@lowering("FULLY_CONNECTED", dtype="int16")
def lower_fully_connected(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A pointwise convolution over its rows."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None
    units, depth = weights.shape
    scales = quantization(weights).scales
    if len(scales) > 1:
        pairs = channel_multipliers(scale(x), scales, scale(y), units)
    else:
        multiplier, shift = fully_connected_multiplier(scale(x), float(scales[0]), scale(y))
        pairs = np.full(units, multiplier), np.full(units, shift)
    rows = x.elements // depth
    filters = weights.data.reshape(units, 1, 1, depth)
    return [_step(graph, operator, target, filters, pairs, (1, 1, rows, depth), (1, 1, rows, units), (Axis(), Axis()))]


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    weights: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray],
    x: Image,
    y: Image,
    axes: tuple[Axis, Axis],
) -> Step:
    """`weights`: (output channels, height, width, input channels of a group); `pairs`: multipliers and shifts."""
    vertical, horizontal = axes
    bias, output = optional_input(graph, operator, 2), graph.tensor(operator.outputs[0])
    is_short = has_wide_sums(
        graph.tensor(operator.inputs[0]), bias, is_32_bit=getattr(operator.options, "is_32_bit", False)
    )
    sums = wide_sums(weights.reshape(len(weights), -1), bias, *pairs, is_short=is_short)
    sizes = dict(zip(("batches", "input_height", "input_width", "input_channels"), x, strict=True))
    shape = {
        **sizes,
        "output_height": y[1],
        "output_width": y[2],
        "output_channels": y[3],
        "kernel_height": weights.shape[1],
        "kernel_width": weights.shape[2],
        "kernel_channels": weights.shape[3],
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "dilation_width": horizontal.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
        **sums.shape,
    }
    low, high = activation_range(operator.options.activation, scale(output), zero_point(output), "int16")
    return make_step(
        operator,
        target,
        "tk_conv_int16",
        dict(shape),
        [INPUT, OUTPUT, Constant("weights", weights), *sums.constants, low, high],
        macs=output.elements * weights[0].size,
        outputs=output.elements,
    )
