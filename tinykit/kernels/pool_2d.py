"""AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D in portable C."""

from __future__ import annotations

from tinykit.graph.arithmetic import activation_range
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.broadcast import TYPES
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, scale, zero_point
from tinykit.kernels.weighted_float import float_limits
from tinykit.plan.model import Step
from tinykit.targets import Target

OPERATIONS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
"""Operations of `pool_2d_float.h`, by number."""


@lowering("AVERAGE_POOL_2D", "MAX_POOL_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    options = operator.options
    low, high = activation_range(options.activation, scale(y), zero_point(y), y.dtype)
    return [
        make_step(
            operator,
            target,
            f"tk_{operator.op.lower()}",
            {**pool_shape(graph, operator), "type": TYPES[x.dtype]},
            [INPUT, OUTPUT, low, high],
            reads=y.elements * options.height * options.width,
            outputs=y.elements,
            overlaps=window_overlap(x.shape, y.shape, options.vertical, options.horizontal)
            if x.dtype == "int8"
            else (),
        )
    ]


@lowering("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D", dtype="float32")
def lower_float(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """TFLM's sums in its order: row by row of the window."""
    y, options = graph.tensor(operator.outputs[0]), operator.options
    return [
        make_step(
            operator,
            target,
            "tk_pool_2d_float",
            {**pool_shape(graph, operator), "operation": OPERATIONS.index(operator.op)},
            [INPUT, OUTPUT, float_limits(options.activation)],
            reads=y.elements * options.height * options.width,
            outputs=y.elements,
            library=("sqrtf",) if operator.op == "L2_POOL_2D" else (),
        )
    ]


def pool_shape(graph: Graph, operator: Operator) -> dict[str, int]:
    """Sizes of images and window, steps and padding."""
    x, y, options = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0]), operator.options
    return {
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "channels": x.shape[3],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "kernel_height": options.height,
        "kernel_width": options.width,
        "stride_height": options.vertical.stride,
        "stride_width": options.horizontal.stride,
        "pad_top": options.vertical.before,
        "pad_left": options.horizontal.before,
    }
