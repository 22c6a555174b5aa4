"""DEPTHWISE_CONV_2D in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, fold_sums, make_step, optional_input, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time; weights are packed channel by channel."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None and weights.quantization is not None
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    _, kernel_height, kernel_width, channels = weights.shape
    multipliers, shifts = channel_multipliers(scale(x), weights.quantization.scales, scale(y), channels)
    packed = np.ascontiguousarray(weights.data.reshape(-1, channels).T)
    sums = fold_sums(
        operator,
        packed.astype(np.int64),
        optional_input(graph, operator, 2),
        input_zero_point=zero_point(x),
        multipliers=multipliers,
        shifts=shifts,
    )
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    return [
        make_step(
            operator,
            target,
            "tk_depthwise_conv_2d",
            {
                "batches": x.shape[0],
                "input_height": x.shape[1],
                "input_width": x.shape[2],
                "input_channels": x.shape[3],
                "output_height": y.shape[1],
                "output_width": y.shape[2],
                "depth_multiplier": operator.options.multiplier,
                "kernel_height": kernel_height,
                "kernel_width": kernel_width,
                "stride_height": vertical.stride,
                "stride_width": horizontal.stride,
                "dilation_height": vertical.dilation,
                "dilation_width": horizontal.dilation,
                "pad_top": vertical.before,
                "pad_left": horizontal.before,
                "down": sums.down,
            },
            [INPUT, OUTPUT, Constant("weights", packed), *sums.constants, zero_point(x), zero_point(y), low, high],
            macs=y.elements * kernel_height * kernel_width,
            outputs=y.elements,
            overlaps=window_overlap(x.shape, y.shape, vertical, horizontal),
        )
    ]
