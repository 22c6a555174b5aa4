"""FLOOR_MOD of float32 in portable C."""

from __future__ import annotations

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.broadcast import operands
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import make_step
from tinykit.plan.model import Step
from tinykit.targets import Target


@lowering("FLOOR_MOD")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """By the C library's fmodf, which is exact."""
    walk = operands(graph, operator)
    return [
        make_step(
            operator,
            target,
            "tk_floor_mod",
            walk.shape,
            walk.places,
            inputs=walk.inputs,
            outputs=graph.tensor(operator.outputs[0]).elements,
            overlaps=walk.overlaps,
            library=("fmodf",),
        )
    ]
