"""RESHAPE: no code, the output is the input's bytes."""

from __future__ import annotations

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.plan.model import Step
from tinykit.targets import Target


@lowering("RESHAPE")
def lower(_graph: Graph, operator: Operator, _target: Target) -> list[Step]:
    """An alias."""
    return [
        Step(
            name=operator.name,
            op=operator.op,
            kernel="alias",
            function="",
            sources=(),
            shape={},
            arguments=(),
            inputs=operator.inputs[:1],
            outputs=operator.outputs,
            alias=True,
        )
    ]
