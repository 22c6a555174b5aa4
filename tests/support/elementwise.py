"""Operators that work value by value, for `tests.support.models.single`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.support.builder import TYPES, ModelBuilder, Value

QUANTIZED = ("int8", "uint8", "int16")


def binary(
    model: ModelBuilder,
    x: Value,
    *,
    op: str = "SUB",
    shape: Sequence[int] | None = None,
    constant: bool = False,
    swapped: bool = False,
    other_scale: float = 1.7,
    scale: float = 0.1,
    zero_point: int = 0,
    dtype: str | None = None,
    activation: str | None = None,
    nonzero: bool = False,
) -> Value:
    """An operator of two operands: `x`, and a model input or random constant of `shape`, of x's type.

    `other_scale` is relative to x's; `swapped` puts x second; `nonzero` keeps a constant away from its zero point.
    """
    shape = tuple(x.shape if shape is None else shape)
    zero = {"int8": 5, "uint8": 130}.get(x.dtype, 0)
    if constant:
        values = _random(model, shape, x.dtype)
        if nonzero:
            values = np.where(values == zero, np.array(1 + zero, x.dtype), values)
        other = model.constant(values, [x.scale * other_scale] if x.dtype in QUANTIZED else [], [zero])
    else:
        other = model.input(shape, x.scale * other_scale, zero, x.dtype)
    options = {} if activation is None else {"fusedActivationFunction": _activation(activation)}
    result = np.broadcast_shapes(x.shape, other.shape)
    dtype = dtype or x.dtype
    plain = dtype not in QUANTIZED
    return model.operator(
        op,
        [other, x] if swapped else [x, other],
        result,
        0.0 if plain else scale,
        0 if dtype == "int16" else zero_point,
        dtype=dtype,
        **options,
    )


def select_v2(
    model: ModelBuilder,
    x: Value,
    *,
    dtype: str = "int8",
    first: Sequence[int] | None = None,
    second: Sequence[int] | None = None,
    op: str = "SELECT_V2",
) -> Value:
    """SELECT_V2 (or SELECT) by the bool `x` from two model inputs."""
    a = model.input(x.shape if first is None else first, 0.05, 0, dtype)
    b = model.input(x.shape if second is None else second, 0.05, 0, dtype)
    shape = np.broadcast_shapes(x.shape, a.shape, b.shape)
    return model.operator(op, [x, a, b], shape, 0.05, 0, dtype=dtype)


def unary(
    model: ModelBuilder,
    x: Value,
    *,
    op: str = "ABS",
    scale: float | None = None,
    zero_point: int | None = None,
    dtype: str | None = None,
    **options: Any,
) -> Value:
    """An operator of one tensor, by default to x's type and quantization."""
    scale = x.scale if scale is None else scale
    dtype = dtype or x.dtype
    zero = x.zero_point if zero_point is None else zero_point
    return model.operator(op, [x], x.shape, 0.0 if dtype == "float32" else scale, zero, dtype=dtype, **options)


def in_float(model: ModelBuilder, x: Value, *, op: str = "EXP", **options: Any) -> Value:
    """A float32 operator on what DEQUANTIZE makes of `x`."""
    real = model.operator("DEQUANTIZE", [x], x.shape, dtype="float32")
    return model.operator(op, [real], x.shape, dtype="float32", **options)


def prelu(
    model: ModelBuilder,
    x: Value,
    *,
    shape: Sequence[int],
    alpha_scale: float = 0.01,
    alpha_zero_point: int = 3,
    scale: float = 0.1,
    zero_point: int = 0,
) -> Value:
    """PRELU with random constant slopes of `shape`; int8 ones for int16 values, as TFLM wants."""
    if x.dtype == "float32":
        alpha = model.constant(model.random.normal(0, 1, tuple(shape)).astype(np.float32))
    else:
        alpha = model.constant(_random(model, shape, "int8"), [alpha_scale], [alpha_zero_point])
    return model.operator("PRELU", [x, alpha], x.shape, scale, 0 if x.dtype == "int16" else zero_point, dtype=x.dtype)


def cast(model: ModelBuilder, x: Value, *, dtype: str = "float32") -> Value:
    """CAST to `dtype`; integers are not quantized."""
    scale = x.scale if dtype in QUANTIZED else 0.0
    return model.operator(
        "CAST", [x], x.shape, scale, 0, dtype=dtype, inDataType=TYPES[x.dtype], outDataType=TYPES[dtype]
    )


def requantize_through(
    model: ModelBuilder, x: Value, *, types: Sequence[str], scales: Sequence[float], zero_point: int = 0
) -> Value:
    """One QUANTIZE after another, to each of `types` with the scale beside it; `zero_point` is the last one's."""
    for k, (dtype, scale) in enumerate(zip(types, scales, strict=True)):
        zero = zero_point if k == len(types) - 1 else 0
        x = model.operator("QUANTIZE", [x], x.shape, scale, zero, dtype=dtype)
    return x


def natural_product_scale(x_scale: float, other_scale: float) -> float:
    """An output scale that products of uniform int8 operands fill well."""
    return 3 * 74.0 * 74.0 * x_scale * other_scale / 128 / math.sqrt(2)


def _random(model: ModelBuilder, shape: Sequence[int], dtype: str) -> np.ndarray:
    if dtype == "float32":
        return model.random.normal(0, 2, tuple(shape)).astype(np.float32)
    if dtype == "bool":
        return model.random.integers(0, 2, tuple(shape)).astype(bool)
    limits = np.iinfo(dtype)
    low, high = (limits.min, limits.max) if dtype in ("int8", "uint8", "int16") else (-1000, 1000)
    return model.random.integers(low, high + 1, tuple(shape)).astype(dtype)


def _activation(name: str) -> int:
    return int(getattr(schema.ActivationFunctionType, name))
