"""GATHER, GATHER_ND and EMBEDDING_LOOKUP in portable C; constant or computed indices, constant or computed values."""

from __future__ import annotations

import math

import numpy as np

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import OUTPUT, Argument, make_step, scale
from tinykit.plan.model import Constant, Pointer, Step
from tinykit.targets import Target

Shape = dict[str, int | tuple[int, ...]]


@lowering("GATHER")
def lower_gather(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Each slice in one copy."""
    x, indices = (graph.tensor(i) for i in operator.inputs)
    axis, batch_dims = operator.options.axis, operator.options.batch_dims
    shape: Shape = {
        "groups": math.prod(x.shape[:axis]),
        "shared": math.prod(x.shape[batch_dims:axis]),
        "picks": math.prod(indices.shape[batch_dims:]),
        "count": x.shape[axis],
        "bytes": _width(x) * math.prod(x.shape[axis + 1 :]),
    }
    return [_picks(graph, operator, target, "tk_gather", shape)]


@lowering("EMBEDDING_LOOKUP")
def lower_embedding_lookup(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """As GATHER along the first axis; int8 rows that come out as float32 are dequantized on the way."""
    indices, rows = (graph.tensor(i) for i in operator.inputs)
    width = math.prod(rows.shape[1:])
    shape: Shape = {"picks": indices.elements, "count": rows.shape[0]}
    if rows.dtype == graph.tensor(operator.outputs[0]).dtype:
        shape |= {"groups": 1, "shared": 1, "bytes": _width(rows) * width}
        return [_picks(graph, operator, target, "tk_gather", shape)]
    factor = Constant("scale", np.array([scale(rows)], np.float32), 4)
    return [_picks(graph, operator, target, "tk_gather_float", {**shape, "width": width}, factor)]


@lowering("GATHER_ND")
def lower_gather_nd(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Each slice in one copy. TFLM gives up where coordinates are outside; here the nearest slice is read."""
    x, indices = (graph.tensor(i) for i in operator.inputs)
    count = indices.shape[-1]
    picked = x.shape[:count]
    strides = [math.prod(picked[k + 1 :]) for k in range(count)] + [0] * (5 - count)
    shape: Shape = {
        "strides": tuple(strides),
        "coordinates": count,
        "picks": indices.elements // count,
        "last": math.prod(picked) - 1,
        "bytes": _width(x) * math.prod(x.shape[count:]),
    }
    return [_picks(graph, operator, target, "tk_gather_nd", shape)]


def _width(tensor: Tensor) -> int:
    return np.dtype(tensor.dtype).itemsize


def _picks(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    shape: Shape,
    *more: Argument,
) -> Step:
    """A step whose kernel takes values, indices, the output, and `more`."""
    tensors = [graph.tensor(i) for i in operator.inputs]
    if operator.op == "EMBEDDING_LOOKUP":  # It names its indices first.
        tensors.reverse()
    inputs = tuple(dict.fromkeys(t.index for t in tensors if t.data is None))
    arguments: list[Argument] = []
    for tensor, role in zip(tensors, ("values", "indices"), strict=True):
        if tensor.data is None:
            arguments.append(Pointer("input", inputs.index(tensor.index)))
        else:
            data = np.ascontiguousarray(tensor.data)
            # Values are copied as bytes, unless they are computed with.
            as_bytes = role == "values" and function != "tk_gather_float"
            arguments.append(Constant(role, data.reshape(-1).view(np.uint8) if as_bytes else data, _width(tensor)))
    return make_step(
        operator,
        target,
        function,
        shape,
        [*arguments, OUTPUT, *more],
        reads=int(np.prod(shape["picks"]) * np.prod(shape.get("groups", 1))),
        outputs=graph.tensor(operator.outputs[0]).nbytes,
        inputs=inputs,
        library=("memcpy",),
    )
