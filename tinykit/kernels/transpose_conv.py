"""TRANSPOSE_CONV in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, fold_sums, make_step, optional_input, quantization, scale, zero_point
from tinykit.kernels.weighted import geometry
from tinykit.kernels.wide import wide_sums
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("TRANSPOSE_CONV")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time, from the input values whose windows reach it."""
    weights, x, y = (graph.tensor(i) for i in (operator.inputs[1], operator.inputs[2], operator.outputs[0]))
    if x.dtype == "float32":
        return []
    assert weights.data is not None
    axes = operator.options.vertical, operator.options.horizontal
    rows = weights.data.reshape(weights.shape[0], -1).astype(np.int64)
    multipliers, shifts = channel_multipliers(scale(x), quantization(weights).scales, scale(y), weights.shape[0])
    bias = optional_input(graph, operator, 3)
    sizes = geometry(x.shape, weights.shape, y.shape, *axes)
    shape: dict[str, int | tuple[int, ...]] = {
        "batches": x.shape[0],
        **{name: size for name, size in sizes.items() if not name.startswith("dilation")},
    }
    clamp = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    if x.dtype == "int16":
        function = "tk_transpose_conv_int16"
        wide = wide_sums(rows, bias, multipliers, shifts, is_short=True)
        shape |= {**wide.shape, "down": 0}
        constants, zero_points = wide.constants, []
    else:
        function = "tk_transpose_conv"
        # Inputs less their zero point reach up to twice as far as an int8.
        sums = fold_sums(operator, 2 * rows, bias, input_zero_point=0, multipliers=multipliers, shifts=shifts)
        shape |= {"has_one_scale": 0, "has_short_multiplier": 0, "wide": 0, "down": sums.down}
        constants, zero_points = sums.constants, [zero_point(x), zero_point(y)]
    return [
        make_step(
            operator,
            target,
            function,
            shape,
            [INPUT, OUTPUT, Constant("weights", weights.data), *constants, *zero_points, *clamp],
            macs=x.elements * rows.size // x.shape[3],
            outputs=y.elements,
            inputs=(operator.inputs[2],),
        )
    ]
