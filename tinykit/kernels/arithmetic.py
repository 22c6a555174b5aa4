"""MUL, DIV, MAXIMUM, MINIMUM and logic with broadcast in portable C, and all arithmetic of plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinykit.graph.arithmetic import activation_limits, activation_range, div_multiplier, quantize_multiplier
from tinykit.graph.broadcast import QUANTIZED
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.broadcast import ARITHMETIC, TYPES, operands
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import Argument, make_step, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

CLAMPED = ("ADD", "SUB", "MUL", "DIV")
"""Arithmetic that has a fused activation."""

EVERY_INT32 = (-(1 << 31), (1 << 31) - 1)


@lowering("MUL")
def lower_mul(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """The product of what the operands are above their zero points, requantized."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    if y.dtype not in QUANTIZED:
        return []
    multiplier, shift = quantize_multiplier(scale(a) * scale(b) / scale(y))
    limits = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    arguments = [zero_point(a), zero_point(b), multiplier, -shift, zero_point(y), *limits]
    return [_step(graph, operator, target, "tk_mul", arguments, kind=TYPES[y.dtype], down=int(shift <= -1))]


@lowering("DIV")
def lower_div(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """By the divisor's reciprocal in fixed point."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    if y.dtype not in QUANTIZED:
        return []
    multiplier, shift = div_multiplier(scale(a), scale(b), scale(y))
    limits = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    arguments = [zero_point(a), zero_point(b), multiplier, shift, zero_point(y), *limits]
    return [_step(graph, operator, target, "tk_div", arguments)]


@lowering("MAXIMUM", "MINIMUM", "LOGICAL_AND", "LOGICAL_OR")
def lower_extreme(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Of stored values; of bools, 0 and 1, the minimum is AND and the maximum OR."""
    y = graph.tensor(operator.outputs[0])
    if y.dtype == "float32":
        return []
    function = "tk_extreme_int64" if y.dtype == "int64" else "tk_extreme"
    return [_step(graph, operator, target, function, [], kind=TYPES.get(y.dtype, 0))]


@lowering("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM")
def lower_plain(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """float32, and int32 where it has no quantization."""
    y = graph.tensor(operator.outputs[0])
    activation = getattr(operator.options, "activation", "NONE")
    if y.dtype == "float32":
        least, most = activation_limits(activation)
        limits = Constant("limits", np.array([least, most], np.float32), 4)
        return [_step(graph, operator, target, "tk_arithmetic_float", [limits])]
    if y.dtype == "int32" and operator.op not in ("MAXIMUM", "MINIMUM"):
        # TFLM's ADD of int32 leaves the activation out.
        least, most = EVERY_INT32 if operator.op == "ADD" else activation_limits(activation)
        bounds = [max(int(least), EVERY_INT32[0]), min(int(most), EVERY_INT32[1])]
        return [_step(graph, operator, target, "tk_arithmetic_int32", bounds)]
    return []


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    arguments: Sequence[Argument],
    *,
    kind: int = 0,
    down: int = 0,
) -> Step:
    walk = operands(graph, operator)
    operation = {"LOGICAL_AND": "MINIMUM", "LOGICAL_OR": "MAXIMUM"}.get(operator.op, operator.op)
    return make_step(
        operator,
        target,
        function,
        {
            **walk.shape,
            "type": kind,
            "operation": ARITHMETIC.index(operation),
            "down": down,
            "is_clamped": int(operator.op in CLAMPED),
        },
        [*walk.places, *arguments],
        inputs=walk.inputs,
        outputs=graph.tensor(operator.outputs[0]).elements,
        overlaps=walk.overlaps,
    )
