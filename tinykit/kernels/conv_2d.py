"""CONV_2D in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, block, fold_sums, make_step, optional_input, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time, along contiguous channels."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None and weights.quantization is not None
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    multipliers, shifts = channel_multipliers(scale(x), weights.quantization.scales, scale(y), weights.shape[0])
    rows = weights.data.reshape(weights.shape[0], -1).astype(np.int64)
    sums = fold_sums(
        operator,
        rows,
        optional_input(graph, operator, 2),
        input_zero_point=zero_point(x),
        multipliers=multipliers,
        shifts=shifts,
    )
    shape = {
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "input_channels": x.shape[3],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "output_channels": y.shape[3],
        "kernel_height": weights.shape[1],
        "kernel_width": weights.shape[2],
        "kernel_channels": weights.shape[3],
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "dilation_width": horizontal.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
        "block": block(target),
        "down": sums.down,
    }
    is_padded = any((vertical.before, vertical.after, horizontal.before, horizontal.after))
    if weights.shape[1:3] == (1, 1) and (vertical.stride, horizontal.stride) == (1, 1) and not is_padded:
        _flatten(shape)
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    return [
        make_step(
            operator,
            target,
            "tk_conv_2d",
            dict(shape),
            [
                INPUT,
                OUTPUT,
                Constant("weights", weights.data),
                *sums.constants,
                zero_point(x),
                zero_point(y),
                low,
                high,
            ],
            macs=y.elements * rows.shape[1],
            outputs=y.elements,
            overlaps=window_overlap(x.shape, y.shape, vertical, horizontal),
            runs=y.elements * weights.shape[1],
            has_remainder=weights.shape[0] // operator.options.groups % block(target) != 0,
            cost_of="tk_conv_2d" if is_padded else "tk_conv_2d_whole",
        )
    ]


def _flatten(shape: dict[str, int]) -> None:
    """All pixels in one row: a pointwise convolution does not see the image, and more layers share an instance."""
    pixels = shape["batches"] * shape["output_height"] * shape["output_width"]
    shape.update(batches=1, input_height=1, output_height=1, input_width=pixels, output_width=pixels)
