"""Builder functions of matrix products and of operators that keep state; see tests/support/models.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.support.builder import ModelBuilder, Value
from tests.support.models import INT8_DEVIATION, middle


def batch_matmul(
    model: ModelBuilder,
    x: Value,
    *,
    shape: Sequence[int],
    adj_x: bool = False,
    adj_y: bool = False,
    constant: str = "",
    zero_point: int | None = None,
) -> Value:
    """BATCH_MATMUL of `x` and an operand of `shape`: a second input, or a constant where `constant` is "second".

    Where it is "first" the constant is the first operand and `x` the second. `shape` must fit.
    """
    if constant:
        low, high = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
        values = model.random.integers(low, high, shape, endpoint=True).astype(x.dtype)
        other = model.constant(values, [x.scale * 0.7], [middle(x, None)])
    else:
        other = model.input(shape, x.scale * 0.7, middle(x, None), x.dtype)
    a, b = (other, x) if constant == "first" else (x, other)
    batches = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    rows, depth = a.shape[-2:][::-1] if adj_x else a.shape[-2:]
    columns = b.shape[-2] if adj_y else b.shape[-1]
    wider = 256 if x.dtype == "int16" else 1
    natural = 3 * np.sqrt(depth) * INT8_DEVIATION * INT8_DEVIATION * wider * a.scale * b.scale / 128
    return model.operator(
        "BATCH_MATMUL",
        [a, b],
        (*batches, rows, columns),
        float(natural),
        middle(x, zero_point),
        dtype=x.dtype,
        adjX=adj_x,
        adjY=adj_y,
    )


def accumulating(model: ModelBuilder, x: Value, *, preset: bool = True, constant_scale: bool = True) -> Value:
    """Sums what the model has seen, ever fainter, in a resource variable; `preset` sets it by CALL_ONCE."""
    scale = x.scale if constant_scale else x.scale * 2
    if preset:
        first = model.subgraph()
        values = first.random.integers(-128, 128, x.shape).astype(np.int8)
        first.effect("ASSIGN_VARIABLE", [variable(first), first.constant(values, [scale], [x.zero_point])])
        model.effect("CALL_ONCE", initSubgraphIndex=1)
    handle = variable(model)
    kept = model.operator("READ_VARIABLE", [handle], x.shape, scale, x.zero_point)
    half = model.constant(np.full((1,), 64, np.int8), [1 / 128], [0])
    faded = model.operator("MUL", [kept, half], x.shape, scale, x.zero_point, fusedActivationFunction=0)
    total = model.operator("ADD", [x, faded], x.shape, scale, x.zero_point, fusedActivationFunction=0)
    model.effect("ASSIGN_VARIABLE", [handle, total])
    return model.operator("SUB", [total, kept], x.shape, scale, x.zero_point, fusedActivationFunction=0)


def variable(model: ModelBuilder, name: str = "sum") -> Value:
    """VAR_HANDLE."""
    return model.operator("VAR_HANDLE", [], (), dtype="resource", sharedName=name, container="")
