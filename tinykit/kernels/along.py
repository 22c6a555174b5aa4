"""ARG_MAX, ARG_MIN and CUMSUM in portable C."""

from __future__ import annotations

import math

from tinykit.graph.arithmetic import cumsum_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import IN_PLACE, INPUT, OUTPUT, Argument, make_step, scale, zero_point
from tinykit.plan.model import Step
from tinykit.targets import Target


@lowering("ARG_MAX", "ARG_MIN")
def lower_arg(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One run along the axis for each output."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    function = "tk_arg_extreme_float" if x.dtype == "float32" else "tk_arg_extreme"
    return [
        make_step(
            operator,
            target,
            function,
            _shape(x.shape, operator, is_maximum=int(operator.op == "ARG_MAX"), is_wide=int(y.dtype == "int64")),
            [INPUT, OUTPUT],
            reads=x.elements,
            outputs=y.elements,
        )
    ]


@lowering("CUMSUM")
def lower_cumsum(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A running sum in 32 bits."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    arguments: list[Argument] = [INPUT, OUTPUT]
    if x.dtype == "int8":
        multiplier, shift = cumsum_multiplier(scale(x), scale(y))
        arguments += [zero_point(x), multiplier, -shift, zero_point(y)]
    options = operator.options
    return [
        make_step(
            operator,
            target,
            "tk_cumsum" if x.dtype == "int8" else "tk_cumsum_float",
            _shape(x.shape, operator, is_exclusive=int(options.exclusive), is_reverse=int(options.reverse)),
            arguments,
            outputs=y.elements,
            overlaps=(IN_PLACE,),
        )
    ]


def _shape(shape: tuple[int, ...], operator: Operator, **flags: int) -> dict[str, int | tuple[int, ...]]:
    axis = operator.options.axis
    sizes = {"outer": math.prod(shape[:axis]), "depth": shape[axis], "inner": math.prod(shape[axis + 1 :])}
    return {**sizes, "is_maximum": 0, "is_exclusive": 0, "is_reverse": 0, **flags}
