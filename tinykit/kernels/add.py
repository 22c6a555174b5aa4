"""ADD, SUB and SQUARED_DIFFERENCE with broadcast in portable C, of quantized operands."""

from __future__ import annotations

from collections.abc import Sequence

from tinykit.graph.arithmetic import (
    ADD_LEFT_SHIFTS,
    INTEGER_RANGES,
    SQUARED_DIFFERENCE_LEFT_SHIFTS,
    activation_range,
    add_multipliers,
    squared_difference_multipliers,
)
from tinykit.graph.broadcast import QUANTIZED
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.broadcast import ARITHMETIC, TYPES, operands
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import make_step, scale, zero_point
from tinykit.plan.model import Step
from tinykit.targets import Target

ONE_HALF = (1 << 30, 0)
"""The multiplier of the operand with the larger scale: a shift does it exactly."""


@lowering("ADD", "SUB")
def lower_sum(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    if y.dtype not in QUANTIZED:
        return []
    left = ADD_LEFT_SHIFTS[y.dtype]
    factors = add_multipliers(scale(a), scale(b), scale(y), left)
    limits = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    return [_step(graph, operator, target, left=left, factors=factors, limits=limits)]


@lowering("SQUARED_DIFFERENCE")
def lower_squared_difference(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """The same kernel; what it squares stays within 2**15, so its square within 31 bits."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    if y.dtype not in QUANTIZED:
        return []
    factors = squared_difference_multipliers(scale(a), scale(b), scale(y), y.dtype)
    left = SQUARED_DIFFERENCE_LEFT_SHIFTS[y.dtype]
    return [_step(graph, operator, target, left=left, factors=factors, limits=INTEGER_RANGES[y.dtype])]


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    *,
    left: int,
    factors: Sequence[tuple[int, int]],
    limits: tuple[int, int],
) -> Step:
    first, second, (multiplier, shift) = factors
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    walk = operands(graph, operator)
    return make_step(
        operator,
        target,
        "tk_add",
        {
            **walk.shape,
            "type": TYPES[y.dtype],
            "operation": ARITHMETIC.index(operator.op),
            "left": left,
            "first_is_half": int(first == ONE_HALF),
            "second_is_half": int(second == ONE_HALF),
            "down": int(shift <= -1),
        },
        [
            *walk.places,
            *(zero_point(a), first[0], -first[1]),
            *(zero_point(b), second[0], -second[1]),
            *(multiplier, -shift, zero_point(y), *limits),
        ],
        inputs=walk.inputs,
        outputs=y.elements,
        overlaps=walk.overlaps,
    )
