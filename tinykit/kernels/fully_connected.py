"""FULLY_CONNECTED in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers, fully_connected_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, Sums, block, fold_sums, make_step, optional_input, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """With one scale its own kernel; with a scale a channel it is a pointwise convolution over its rows."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None and weights.quantization is not None
    if len(weights.quantization.scales) > 1:
        return [_per_channel(graph, operator, target)]
    units, depth = weights.shape
    multiplier, shift = fully_connected_multiplier(scale(x), weights.quantization.scale, scale(y))
    rows = weights.data.astype(np.int64) - zero_point(weights)
    sums = fold_sums(
        operator,
        rows,
        optional_input(graph, operator, 2),
        input_zero_point=zero_point(x),
        multipliers=np.full(units, multiplier, np.int64),
        shifts=np.full(units, shift, np.int64),
    )
    return [
        make_step(
            operator,
            target,
            "tk_fully_connected",
            {
                "batches": x.elements // depth,
                "inputs": depth,
                "outputs": units,
                "has_weights_zero_point": int(zero_point(weights) != 0),
                "block": block(target),
                "down": sums.down,
            },
            [
                INPUT,
                OUTPUT,
                Constant("weights", weights.data),
                Constant("bias", sums.bias, 4),
                zero_point(weights),
                multiplier,
                -shift,
                zero_point(y),
                *activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype),
            ],
            macs=x.elements * units,
            outputs=y.elements,
            has_remainder=units % block(target) != 0,
        )
    ]


def _per_channel(graph: Graph, operator: Operator, target: Target) -> Step:
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None and weights.quantization is not None
    units, depth = weights.shape
    multipliers, shifts = channel_multipliers(scale(x), weights.quantization.scales, scale(y), units)
    sums: Sums = fold_sums(
        operator,
        weights.data.astype(np.int64),
        optional_input(graph, operator, 2),
        input_zero_point=zero_point(x),
        multipliers=multipliers,
        shifts=shifts,
    )
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    pixels = x.elements // depth
    sizes = {"input_height": 1, "input_width": pixels, "output_height": 1, "output_width": pixels}
    channels = {"input_channels": depth, "output_channels": units, "kernel_channels": depth}
    ones = ("batches", "kernel_height", "kernel_width", "stride_height", "stride_width")
    window = dict.fromkeys((*ones, "dilation_height", "dilation_width"), 1)
    return make_step(
        operator,
        target,
        "tk_conv_2d",
        {**sizes, **channels, **window, "pad_top": 0, "pad_left": 0, "block": block(target), "down": sums.down},
        [INPUT, OUTPUT, Constant("weights", weights.data), *sums.constants, zero_point(x), zero_point(y), low, high],
        macs=x.elements * units,
        outputs=y.elements,
        has_remainder=units % block(target) != 0,
        cost_of="tk_conv_2d_whole",
    )
