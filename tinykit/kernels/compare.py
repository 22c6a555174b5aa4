"""Comparisons, SELECT and SELECT_V2 with broadcast in portable C."""

from __future__ import annotations

from tinykit.graph.arithmetic import quantize_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.comparisons import OPERATORS
from tinykit.kernels.broadcast import TYPES, operands
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import make_step, scale, zero_point
from tinykit.plan.model import Step
from tinykit.targets import Target

FUNCTIONS = {"int8": "tk_compare_quantized", "float32": "tk_compare_float", "int64": "tk_compare_int64"}


@lowering(*OPERATORS)
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Quantized operands meet on TFLM's coarse common scale, others as they are."""
    a, b, y = (graph.tensor(i) for i in (*operator.inputs, operator.outputs[0]))
    walk = operands(graph, operator)
    arguments = []
    if a.dtype == "int8":
        for tensor in (a, b):
            multiplier, shift = quantize_multiplier(scale(tensor))
            arguments += [zero_point(tensor), multiplier, -shift]
    return [
        make_step(
            operator,
            target,
            FUNCTIONS.get(a.dtype, "tk_compare"),
            {**walk.shape, "type": TYPES.get(a.dtype, 0), "operation": OPERATORS.index(operator.op)},
            [*walk.places, *arguments],
            inputs=walk.inputs,
            outputs=y.elements,
            overlaps=walk.overlaps,
        )
    ]


@lowering("SELECT_V2", "SELECT")
def lower_select(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One value at a time."""
    y = graph.tensor(operator.outputs[0])
    walk = operands(graph, operator)
    return [
        make_step(
            operator,
            target,
            "tk_select_float" if y.dtype == "float32" else "tk_select",
            {**walk.shape, "type": TYPES.get(y.dtype, 0)},
            walk.places,
            inputs=walk.inputs,
            outputs=y.elements,
            overlaps=walk.overlaps,
        )
    ]
