"""Operators on float32 values inside a quantized model, for `tests.support.equality.case`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.support.builder import ModelBuilder, Value
from tests.support.models import _activation as activation_code
from tests.support.models import _padding as padding_code
from tests.support.models import _windows as windows

Pair = tuple[int, int]


def between(model: ModelBuilder, x: Value, *, of: Callable[..., Value], edges: str = "both", **options: Any) -> Value:
    """A float32 operator between DEQUANTIZE and QUANTIZE; with `edges` "in" or "out" at that edge of the model."""
    if x.dtype != "float32":
        x = model.operator("DEQUANTIZE", [x], x.shape, dtype="float32")
    y = of(model, x, **options)
    return y if edges == "out" else model.operator("QUANTIZE", [y], y.shape, 0.11, 3)


def fully_connected(
    model: ModelBuilder, x: Value, *, units: int = 4, activation: str = "NONE", bias: bool = True, keep: bool = False
) -> Value:
    """FULLY_CONNECTED over the last axis with `keep`, over all but the first without."""
    depth = x.shape[-1] if keep else int(np.prod(x.shape[1:]))
    shape = (*x.shape[:-1], units) if keep else (x.shape[0], units)
    inputs = [x, _weights(model, (units, depth)), _weights(model, (units,)) if bias else None]
    options: dict[str, Any] = {"keepNumDims": keep, "fusedActivationFunction": activation_code(activation)}
    return model.operator("FULLY_CONNECTED", inputs, shape, dtype="float32", **options)


def conv_2d(
    model: ModelBuilder,
    x: Value,
    *,
    filters: int = 4,
    kernel: Pair = (3, 3),
    groups: int = 1,
    bias: bool = True,
    **window: Any,
) -> Value:
    """CONV_2D; `window`: strides, dilation, padding and activation."""
    weights = _weights(model, (filters, *kernel, x.shape[3] // groups))
    inputs = [x, weights, _weights(model, (filters,)) if bias else None]
    return _sliding(model, "CONV_2D", inputs, filters, kernel, **window)


def depthwise_conv_2d(
    model: ModelBuilder, x: Value, *, multiplier: int = 1, kernel: Pair = (3, 3), bias: bool = True, **window: Any
) -> Value:
    """DEPTHWISE_CONV_2D; `window` as of `conv_2d`."""
    channels = x.shape[3] * multiplier
    inputs = [x, _weights(model, (1, *kernel, channels)), *([_weights(model, (channels,))] if bias else [])]
    return _sliding(model, "DEPTHWISE_CONV_2D", inputs, channels, kernel, **window, depthMultiplier=multiplier)


def pool_2d(model: ModelBuilder, x: Value, *, op: str, kernel: Pair = (2, 2), **window: Any) -> Value:
    """AVERAGE_POOL_2D, MAX_POOL_2D or L2_POOL_2D; `window`: strides, padding and activation."""
    sizes: dict[str, Any] = {"filterHeight": kernel[0], "filterWidth": kernel[1]}
    return _sliding(model, op, [x], x.shape[3], kernel, dilation=None, **window, **sizes)


def transpose_conv(
    model: ModelBuilder,
    x: Value,
    *,
    filters: int = 4,
    kernel: Pair = (3, 3),
    strides: Pair = (2, 2),
    more: Pair = (0, 0),
    padding: str = "SAME",
    activation: str = "NONE",
    bias: bool = True,
) -> Value:
    """TRANSPOSE_CONV to `more` rows and columns than the least output."""
    weights = _weights(model, (filters, *kernel, x.shape[3]))
    sizes = [
        (n - 1) * s + (1 if padding == "SAME" else k) + m
        for n, s, k, m in zip(x.shape[1:3], strides, kernel, more, strict=True)
    ]
    shape = (x.shape[0], *sizes, filters)
    inputs = [model.constant(np.array(shape, np.int32)), weights, x, *([_weights(model, (filters,))] if bias else [])]
    return model.operator(
        "TRANSPOSE_CONV",
        inputs,
        shape,
        dtype="float32",
        padding=padding_code(padding),
        strideH=strides[0],
        strideW=strides[1],
        fusedActivationFunction=activation_code(activation),
    )


def batch_matmul(
    model: ModelBuilder, x: Value, *, shape: Sequence[int], adj_x: bool, adj_y: bool, constant: str = ""
) -> Value:
    """BATCH_MATMUL of `x` and an operand of `shape`: an input, or the constant "second" or "first" operand."""
    other = _weights(model, shape) if constant else model.input(shape, dtype="float32")
    a, b = (other, x) if constant == "first" else (x, other)
    batches = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    result = (*batches, a.shape[-1 if adj_x else -2], b.shape[-2 if adj_y else -1])
    return model.operator("BATCH_MATMUL", [a, b], result, dtype="float32", adjX=adj_x, adjY=adj_y)


def floor_mod(model: ModelBuilder, x: Value, *, shape: Sequence[int], swapped: bool = False) -> Value:
    """FLOOR_MOD of `x` and a constant of `shape`, or with `swapped` the other way round."""
    other = _weights(model, shape)
    result = np.broadcast_shapes(x.shape, other.shape)
    return model.operator("FLOOR_MOD", [other, x] if swapped else [x, other], result, dtype="float32")


def _weights(model: ModelBuilder, shape: Sequence[int]) -> Value:
    return model.constant(model.random.normal(0, 1, tuple(shape)).astype(np.float32))


def _sliding(
    model: ModelBuilder,
    op: str,
    inputs: Sequence[Value | None],
    channels: int,
    kernel: Pair,
    *,
    strides: Pair = (1, 1),
    dilation: Pair | None = (1, 1),
    padding: str = "SAME",
    activation: str = "NONE",
    **options: Any,
) -> Value:
    x = inputs[0]
    assert x is not None
    if dilation is not None:
        options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    sizes = [
        windows(n, k, s, d, padding)
        for n, k, s, d in zip(x.shape[1:3], kernel, strides, dilation or (1, 1), strict=True)
    ]
    options |= {"padding": padding_code(padding), "strideH": strides[0], "strideW": strides[1]}
    options["fusedActivationFunction"] = activation_code(activation)
    return model.operator(op, inputs, (x.shape[0], *sizes, channels), dtype="float32", **options)
