"""PRELU in portable C."""

from __future__ import annotations

from tinykit.graph.arithmetic import INTEGER_RANGES, quantize_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.broadcast import TYPES, operands
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import Argument, make_step, scale, zero_point
from tinykit.plan.model import Step
from tinykit.targets import Target


@lowering("PRELU")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One factor above the zero point, another times the slope below."""
    x, alpha, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    walk = operands(graph, operator)
    arguments: list[Argument] = []
    if x.dtype != "float32":
        above, above_shift = quantize_multiplier(scale(x) / scale(y))
        below, below_shift = quantize_multiplier(scale(x) * scale(alpha) / scale(y))
        arguments = [zero_point(x), zero_point(alpha), above, -above_shift, below, -below_shift]
        arguments += [zero_point(y), *INTEGER_RANGES[y.dtype]]
    return [
        make_step(
            operator,
            target,
            "tk_prelu_float" if x.dtype == "float32" else "tk_prelu",
            {**walk.shape, "type": TYPES.get(x.dtype, 0)},
            [*walk.places, *arguments],
            inputs=walk.inputs,
            outputs=y.elements,
            overlaps=walk.overlaps,
        )
    ]
