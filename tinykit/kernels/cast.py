"""CAST in portable C."""

from __future__ import annotations

from tinykit.graph.arithmetic import INTEGER_RANGES
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.broadcast import TYPES
from tinykit.kernels.elementwise import elementwise
from tinykit.kernels.registry import lowering
from tinykit.plan.model import Step
from tinykit.targets import Target


@lowering("CAST")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One value at a time."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype == y.dtype == "float32":
        # Floats that are moved, not converted: their bits as integers.
        types, function = {"from": TYPES["int32"], "to": TYPES["int32"]}, "tk_cast"
    elif "int64" in (x.dtype, y.dtype):
        return [_lower_int64(graph, operator, target)]
    elif y.dtype == "bool":
        types = {"from": TYPES.get(x.dtype, 0), "to": TYPES["bool"]}
        function = "tk_cast_float_to_bool" if x.dtype == "float32" else "tk_cast_to_bool"
    else:
        types = {"from": TYPES.get(x.dtype, 0), "to": TYPES.get(y.dtype, 0)}
        function = "tk_cast_to_float" if y.dtype == "float32" else "tk_cast"
        function = "tk_cast_from_float" if x.dtype == "float32" else function
    limits = INTEGER_RANGES[y.dtype] if function == "tk_cast_from_float" else ()
    in_place = x.dtype == y.dtype or y.nbytes == y.elements
    return [elementwise(graph, operator, target, function, limits, in_place=in_place, shape=types)]


def _lower_int64(graph: Graph, operator: Operator, target: Target) -> Step:
    """64 bits from 32 keep the sign, fewer from 64 the low bits; a copy is two halves a value."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype == y.dtype:
        shape = {"count": 2 * x.elements, "from": TYPES["int32"], "to": TYPES["int32"]}
        return elementwise(graph, operator, target, "tk_cast", (), in_place=True, shape=shape)
    function = "tk_cast_to_int64" if y.dtype == "int64" else "tk_cast_from_int64"
    types = {"from": TYPES.get(x.dtype, 0), "to": TYPES.get(y.dtype, 0)}
    return elementwise(graph, operator, target, function, (), in_place=False, shape=types)
