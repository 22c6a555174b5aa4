"""L2_NORMALIZATION, LOG_SOFTMAX and SOFTMAX of float32 in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import multiply_by_quantized_multiplier, quantize_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.fixed_point import exponential, input_radius, shift_right
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import IN_PLACE, INPUT, OUTPUT, Argument, make_step, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

DIFFERENCE_BITS = 5
"""Integer bits of TFLM's differences from a row's maximum."""

SUM_BITS = 12
"""Integer bits of its sum of exponentials."""


@lowering("L2_NORMALIZATION")
def lower_l2_normalization(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A row at a time: the sum of its squares, one over its root, the products."""
    x = graph.tensor(operator.inputs[0])
    if x.dtype == "float32":
        return [_step(graph, operator, target, "tk_l2_normalization_float", [], library=("sqrtf",))]
    return [_step(graph, operator, target, "tk_l2_normalization", [zero_point(x)])]


@lowering("LOG_SOFTMAX")
def lower_log_softmax(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A row at a time; the exponentials of all 256 differences are known at compile time."""
    x = graph.tensor(operator.inputs[0])
    if x.dtype == "float32":
        return [_step(graph, operator, target, "tk_log_softmax_float", [], library=("expf", "logf"))]
    real = min(scale(x) * (1 << (31 - DIFFERENCE_BITS)), (1 << 31) - 1.0)
    multiplier, shift = quantize_multiplier(real)
    divisor, divisor_shift = quantize_multiplier((1 << (31 - shift)) / multiplier)
    radius = input_radius(DIFFERENCE_BITS, shift)
    scaled = multiply_by_quantized_multiplier(-np.arange(min(radius, 255) + 1), multiplier, shift)
    exponentials = [shift_right(exponential(int(value), DIFFERENCE_BITS), SUM_BITS) for value in scaled]
    table = np.trim_zeros(np.array(exponentials, np.int32), "b")
    arguments: list[Argument] = [
        Constant("exponentials", table, 4),
        multiplier,
        -shift,
        divisor,
        -divisor_shift,
        -radius - 1,
    ]
    return [_step(graph, operator, target, "tk_log_softmax", arguments, table_size=len(table))]


@lowering("SOFTMAX")
def lower_softmax_float(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A row at a time."""
    if graph.tensor(operator.inputs[0]).dtype != "float32":
        return []
    beta = Constant("beta", np.array([operator.options.beta], np.float32), 4)
    return [_step(graph, operator, target, "tk_softmax_float", [beta], library=("expf",))]


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    arguments: list[Argument],
    *,
    table_size: int = 0,
    library: tuple[str, ...] = (),
) -> Step:
    x = graph.tensor(operator.inputs[0])
    depth = x.shape[-1]
    return make_step(
        operator,
        target,
        function,
        {"rows": x.elements // depth, "depth": depth, "table_size": table_size},
        [INPUT, OUTPUT, *arguments],
        reads=x.elements,
        outputs=x.elements,
        overlaps=(IN_PLACE,),
        library=library,
    )
