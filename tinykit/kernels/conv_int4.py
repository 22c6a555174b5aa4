"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED with weights of four bits that stay packed: half the flash, slower."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers, fully_connected_multiplier
from tinykit.graph.int4 import packed
from tinykit.graph.model import Graph, Operator
from tinykit.graph.window import Axis
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, fold_sums, make_step, optional_input, quantization, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time; a dense layer is a pointwise convolution, a depthwise one has groups of a channel."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not weights.is_int4 or weights.data is None:
        return []
    image, result, filters = x.shape, y.shape, weights.data
    options = operator.options
    if operator.op == "FULLY_CONNECTED":
        units, depth = filters.shape
        filters = filters.reshape(units, 1, 1, depth)
        image, result = (1, 1, x.elements // depth, depth), (1, 1, x.elements // depth, units)
        axes = Axis(), Axis()
        multiplier, shift = fully_connected_multiplier(scale(x), scale(weights), scale(y))
        multipliers, shifts = np.full(units, multiplier), np.full(units, shift)
    else:
        filters = np.transpose(filters, (3, 1, 2, 0)) if operator.op == "DEPTHWISE_CONV_2D" else filters
        axes = options.vertical, options.horizontal
        multipliers, shifts = channel_multipliers(scale(x), quantization(weights).scales, scale(y), filters.shape[0])
    rows = filters.reshape(len(filters), -1).astype(np.int64)
    # Inputs less their zero point reach up to twice as far as an int8.
    sums = fold_sums(
        operator,
        2 * rows,
        optional_input(graph, operator, 2),
        input_zero_point=0,
        multipliers=multipliers,
        shifts=shifts,
    )
    one = len(quantization(weights).scales) == 1
    kept = slice(0, 1) if one else slice(None)
    names = ("batches", "input_height", "input_width", "input_channels")
    outputs = ("output_height", "output_width", "output_channels")
    kernels = ("kernel_height", "kernel_width", "kernel_channels")
    shape = {
        **dict(zip(names, image, strict=True)),
        **dict(zip(outputs, result[1:], strict=True)),
        **dict(zip(kernels, filters.shape[1:], strict=True)),
        "stride_height": axes[0].stride,
        "stride_width": axes[1].stride,
        "dilation_height": axes[0].dilation,
        "dilation_width": axes[1].dilation,
        "pad_top": axes[0].before,
        "pad_left": axes[1].before,
        "has_one_scale": int(one),
        "down": sums.down,
    }
    return [
        make_step(
            operator,
            target,
            "tk_conv_int4",
            dict(shape),
            [
                INPUT,
                OUTPUT,
                Constant("weights", packed(filters)),
                Constant("bias", sums.bias, 4),
                Constant("multipliers", sums.multipliers[kept], 4),
                Constant("shifts", sums.shifts[kept]),
                zero_point(x),
                zero_point(y),
                *activation_range(options.activation, scale(y), zero_point(y), y.dtype),
            ],
            macs=y.elements * rows.shape[1],
            outputs=y.elements,
        )
    ]
