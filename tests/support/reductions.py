"""Operators along axes, for `tests.support.models.single`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.support.builder import TYPES, ModelBuilder, Value


def reduction(
    model: ModelBuilder,
    x: Value,
    *,
    op: str = "SUM",
    axes: Sequence[int] = (1,),
    keep_dims: bool = False,
    scale: float | None = None,
    zero_point: int | None = None,
) -> Value:
    """SUM, MEAN, REDUCE_MAX, _MIN, _ANY or _ALL over `axes`; by default with the input's quantization."""
    reduced = {a % len(x.shape) for a in axes}
    kept = [1 if i in reduced else n for i, n in enumerate(x.shape) if keep_dims or i not in reduced]
    return model.operator(
        op,
        [x, model.constant(np.array(axes, np.int32))],
        kept,
        x.scale if scale is None else scale,
        x.zero_point if zero_point is None else zero_point,
        dtype=x.dtype,
        keepDims=keep_dims,
    )


def arg_extreme(model: ModelBuilder, x: Value, *, op: str = "ARG_MAX", axis: int = -1, dtype: str = "int32") -> Value:
    """ARG_MAX or ARG_MIN along `axis`."""
    kept = [n for i, n in enumerate(x.shape) if i != axis % len(x.shape)]
    inputs = [x, model.constant(np.array(axis, np.int32))]
    return model.operator(op, inputs, kept, dtype=dtype, outputType=TYPES[dtype])


def cumsum(
    model: ModelBuilder,
    x: Value,
    *,
    axis: int = -1,
    exclusive: bool = False,
    reverse: bool = False,
    scale: float = 0.2,
    zero_point: int = 0,
) -> Value:
    """CUMSUM along `axis`."""
    inputs = [x, model.constant(np.array(axis, np.int32))]
    return model.operator(
        "CUMSUM", inputs, x.shape, scale, zero_point, dtype=x.dtype, exclusive=exclusive, reverse=reverse
    )
