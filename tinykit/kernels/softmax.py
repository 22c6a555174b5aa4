"""SOFTMAX in portable C: the exponentials of all 256 differences are known at compile time."""

from __future__ import annotations

import numpy as np

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.arithmetic import multiply_by_quantized_multiplier, quantize_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.softmax import SCALED_DIFFERENCE_BITS
from tinykit.kernels.fixed_point import exponential, input_radius
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import IN_PLACE, INPUT, OUTPUT, make_step, scale
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LARGEST_DEPTH = 4095
"""TFLM adds exponentials with 12 integer bits; more equal values than this overflow them."""


@lowering("SOFTMAX")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A row at a time: its largest value, the sum of exponentials, the quotients."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype == "float32":
        return []
    depth = x.shape[-1]
    if depth > LARGEST_DEPTH:
        raise UnsupportedModel(
            [
                Problem(
                    operator.name,
                    operator.op,
                    f"its rows of {depth} values overflow TFLM's sum",
                    f"Use at most {LARGEST_DEPTH} classes",
                )
            ]
        )
    table = exponentials(scale(x), operator.options.beta)
    return [
        make_step(
            operator,
            target,
            "tk_softmax" if y.dtype == "int8" else "tk_softmax_to_int16",
            {"rows": x.elements // depth, "depth": depth, "table_size": len(table)},
            [INPUT, OUTPUT, Constant("exponentials", table, 4)],
            outputs=x.elements,
            overlaps=(IN_PLACE,) if y.dtype == "int8" else (),
        )
    ]


def exponentials(input_scale: float, beta: float) -> np.ndarray:
    """exp(-d * input_scale * beta) for d = 0, 1, ... as TFLM computes it, int32 with 31 fractional bits.

    Differences whose exponential is 0, or that TFLM leaves out for being too large, are cut from the end.
    """
    real = min(beta * input_scale * (1 << (31 - SCALED_DIFFERENCE_BITS)), (1 << 31) - 1.0)
    multiplier, shift = quantize_multiplier(real)
    differences = np.arange(min(input_radius(SCALED_DIFFERENCE_BITS, shift), 255) + 1)
    scaled = multiply_by_quantized_multiplier(-differences, multiplier, shift)
    values = np.array([exponential(int(value), SCALED_DIFFERENCE_BITS) for value in scaled], np.int32)
    return np.trim_zeros(values, "b")
