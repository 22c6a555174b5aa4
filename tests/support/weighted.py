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


def lstm(
    model: ModelBuilder,
    x: Value,
    *,
    units: int = 4,
    time_major: bool = False,
    cell_clip: float = 0.0,
    cell_scale: float = 2.0**-11,
    hidden_zero_point: int = 5,
    loudness: float = 1.0,
) -> Value:
    """UNIDIRECTIONAL_SEQUENCE_LSTM on (batch, time, depth); `loudness` times the range of gates that stay linear."""
    batch = x.shape[1 if time_major else 0]
    hidden_scale = 1 / 32768 if x.dtype == "int16" else 1 / 128
    hidden = model.state((batch, units), hidden_scale, middle(x, None) and hidden_zero_point, x.dtype)
    cell = model.state((batch, units), cell_scale, 0, "int16")
    inputs: list[Value | None] = [x, *[None] * 23]
    wider = 256 if x.dtype == "int16" else 1
    for gate in range(4):
        for values, start, depth in ((x, 1, x.shape[-1]), (hidden, 5, units)):
            weights = model.random.integers(-127, 128, (units, depth)).astype(np.int8)
            deviation = values.scale * INT8_DEVIATION * INT8_DEVIATION * wider * np.sqrt(depth)
            inputs[start + gate] = model.constant(weights, [loudness / deviation])
        dtype = "int64" if x.dtype == "int16" else "int32"
        bias_scale = x.scale * float(inputs[1 + gate].scales[0])  # type: ignore[union-attr]
        bias = (model.random.normal(0, loudness, units) / bias_scale).astype(dtype)
        inputs[12 + gate] = model.constant(bias, [bias_scale])
    inputs[18], inputs[19] = hidden, cell
    return model.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        (*x.shape[:2], units),
        hidden.scale,
        hidden.zero_point,
        dtype=x.dtype,
        fusedActivationFunction=4,
        cellClip=cell_clip,
        timeMajor=time_major,
    )


def svdf(
    model: ModelBuilder,
    x: Value,
    *,
    units: int = 4,
    rank: int = 2,
    memory: int = 6,
    state_dtype: str = "int16",
    state_zero_point: int = 0,
    zero_point: int = -10,
) -> Value:
    """SVDF on (batch, depth), `memory` inferences deep."""
    batch, depth = x.shape
    filters = units * rank
    most = int(np.iinfo(state_dtype).max)
    state_scale = x.scale * 0.01 * np.sqrt(depth) * INT8_DEVIATION * INT8_DEVIATION * 3 / most
    state = model.state((batch, filters * memory), state_scale, state_zero_point, state_dtype)
    feature = model.constant(model.random.integers(-127, 128, (filters, depth)).astype(np.int8), [0.01])
    time = model.random.integers(-most // 3, most // 3, (filters, memory)).astype(state_dtype)
    weights = model.constant(time, [1 / most])
    bias_scale = state.scale / most
    spread = state.scale * most * np.sqrt(rank * memory) / 6
    bias = model.constant((model.random.normal(0, spread, units) / bias_scale).astype(np.int32), [bias_scale])
    return model.operator(
        "SVDF", [x, feature, weights, bias, state], (batch, units), spread / 40, zero_point, rank=rank
    )
