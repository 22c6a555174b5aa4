"""PAD and PADV2 in portable C."""

from __future__ import annotations

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step
from tinykit.plan.model import Step
from tinykit.targets import Target

RANK = 6
"""Dimensions of the kernel's loops."""


@lowering("PAD", "PADV2")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Fill the output, then copy the input's rows into it."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    missing = RANK - len(x.shape)
    before = tuple(b for b, _ in operator.options.paddings)
    return [
        make_step(
            operator,
            target,
            "tk_pad",
            {
                "input": (1,) * missing + x.shape,
                "before": (0,) * missing + before,
                "output": (1,) * missing + y.shape,
            },
            [INPUT, OUTPUT, operator.options.value],
            outputs=y.elements,
            library=("memset", "memcpy"),
        )
    ]
