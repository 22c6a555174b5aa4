"""READ_VARIABLE and ASSIGN_VARIABLE: copies of bytes."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, STATE, Argument, make_step
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("READ_VARIABLE")
def lower_read(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """From the state to the arena: others may write the state before the value is used."""
    size = graph.tensor(operator.inputs[0]).nbytes
    step = make_step(operator, target, "tk_variable", {"size": size}, [STATE, OUTPUT], outputs=size, inputs=())
    return [replace(step, states=operator.inputs[:1])]


@lowering("ASSIGN_VARIABLE")
def lower_assign(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """From the arena, or a constant, to the state."""
    state, value = (graph.tensor(i) for i in operator.inputs)
    source: Argument = INPUT if value.data is None else Constant("value", value.data, value.data.dtype.itemsize)
    step = make_step(
        operator,
        target,
        "tk_variable",
        {"size": state.nbytes},
        [source, STATE],
        outputs=state.nbytes,
        inputs=(value.index,) if value.data is None else (),
    )
    return [replace(step, states=(state.index,), outputs=())]
