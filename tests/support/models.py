"""Small int8 .tflite models, built in memory.

A `ModelBuilder` holds the tensors and operators; one function an operator below adds it with random weights
and realistic quantization and returns its output tensor, so that they chain:

    model = ModelBuilder(seed=1)
    x = model.input((1, 8, 8, 3))
    x = conv_2d(model, x, filters=4, kernel=(3, 3), strides=(2, 2), activation="RELU")
    x = softmax(model, fully_connected(model, x, units=5))
    data = model.finish([x])

or, for one operator, `single(conv_2d, (1, 8, 8, 3), filters=4)`.
Output scales follow from the weights and the fan-in, so that for uniform random input about three standard
deviations of the accumulator fill the int8 range; every `scale` and `zero_point` can be set by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.support.builder import ModelBuilder, Value

INT8_DEVIATION = 74.0
"""Standard deviation of a uniform int8, in quanta: 256 / sqrt(12)."""


def single(
    operator: Callable[..., Value | list[Value]],
    shape: Sequence[int],
    /,
    *,
    seed: int = 0,
    input_scale: float = 0.05,
    input_zero_point: int = -3,
    input_dtype: str = "int8",
    **attributes: Any,
) -> bytes:
    """A model of one operator: a function below and its keyword arguments."""
    model = ModelBuilder(seed)
    x = model.input(shape, input_scale, input_zero_point, input_dtype)
    made = operator(model, x, **attributes)
    return model.finish([made] if isinstance(made, Value) else made)


# --- one function an operator ---------------------------------------------------------------------


def conv_2d(
    model: ModelBuilder,
    x: Value,
    *,
    filters: int = 4,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: str = "SAME",
    activation: str = "NONE",
    groups: int = 1,
    per_channel: bool = True,
    bias: bool | str = True,
    pruned: float = 0.0,
    block: int = 1,
    int4: bool = False,
    scale: float | None = None,
    zero_point: int | None = None,
) -> Value:
    """CONV_2D on (n, h, w, c); weights are (filters, kh, kw, c / groups), quantized along axis 0.

    The part `pruned` of the weights is zero, in blocks of so many input channels.
    """
    batch, height, width, channels = x.shape
    taps = kernel[0] * kernel[1] * channels // groups
    weights = _weights(model, (filters, *kernel, channels // groups), axis=0, per_channel=per_channel, int4=int4)
    model.prune(weights, pruned, block)
    inputs, natural = _with_bias(model, x, weights, filters, taps, bias=bias)
    shape = (
        batch,
        _windows(height, kernel[0], strides[0], dilation[0], padding),
        _windows(width, kernel[1], strides[1], dilation[1], padding),
        filters,
    )
    return model.operator(
        "CONV_2D",
        inputs,
        shape,
        scale or natural,
        middle(x, zero_point),
        dtype=x.dtype,
        padding=_padding(padding),
        strideH=strides[0],
        strideW=strides[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=_activation(activation),
    )


def depthwise_conv_2d(
    model: ModelBuilder,
    x: Value,
    *,
    multiplier: int = 1,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: str = "SAME",
    activation: str = "NONE",
    per_channel: bool = True,
    bias: bool | str = True,
    int4: bool = False,
    scale: float | None = None,
    zero_point: int | None = None,
) -> Value:
    """DEPTHWISE_CONV_2D on (n, h, w, c); weights are (1, kh, kw, c * multiplier), quantized along axis 3."""
    batch, height, width, channels = x.shape
    weights = _weights(model, (1, *kernel, channels * multiplier), axis=3, per_channel=per_channel, int4=int4)
    inputs, natural = _with_bias(model, x, weights, channels * multiplier, kernel[0] * kernel[1], bias=bias)
    shape = (
        batch,
        _windows(height, kernel[0], strides[0], dilation[0], padding),
        _windows(width, kernel[1], strides[1], dilation[1], padding),
        channels * multiplier,
    )
    return model.operator(
        "DEPTHWISE_CONV_2D",
        [v for v in inputs if v is not None],  # TFLM crashes on an absent bias (-1) here
        shape,
        scale or natural,
        middle(x, zero_point),
        dtype=x.dtype,
        padding=_padding(padding),
        strideH=strides[0],
        strideW=strides[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        depthMultiplier=multiplier,
        fusedActivationFunction=_activation(activation),
    )


def fully_connected(
    model: ModelBuilder,
    x: Value,
    *,
    units: int = 4,
    activation: str = "NONE",
    per_channel: bool = False,
    weights_zero_point: int = 0,
    bias: bool | str = True,
    keep_dims: bool = False,
    int4: bool = False,
    pruned: float = 0.0,
    block: int = 1,
    scale: float | None = None,
    zero_point: int | None = None,
) -> Value:
    """FULLY_CONNECTED; weights are (units, depth).

    With `keep_dims` the last axis is the depth and the others stay; without it all but the first are depth.
    The part `pruned` of the weights is zero, in blocks of so many inputs.
    """
    depth = x.shape[-1] if keep_dims else math.prod(x.shape[1:])
    weights = _weights(model, (units, depth), axis=0, per_channel=per_channel, zero_point=weights_zero_point, int4=int4)
    model.prune(weights, pruned, block)
    inputs, natural = _with_bias(model, x, weights, units, depth, bias=bias)
    shape = (*x.shape[:-1], units) if keep_dims else (x.shape[0], units)
    return model.operator(
        "FULLY_CONNECTED",
        inputs,
        shape,
        scale or natural,
        middle(x, zero_point),
        dtype=x.dtype,
        keepNumDims=keep_dims,
        fusedActivationFunction=_activation(activation),
    )


def transpose_conv(
    model: ModelBuilder,
    x: Value,
    *,
    filters: int = 4,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (2, 2),
    padding: str = "SAME",
    activation: str = "NONE",
    per_channel: bool = True,
    bias: bool | str = True,
    more: tuple[int, int] = (0, 0),
    scale: float | None = None,
    zero_point: int | None = None,
) -> Value:
    """TRANSPOSE_CONV on (n, h, w, c); weights are (filters, kh, kw, c). `more` rows and columns than the least output.

    An output that a convolution takes to (h, w) may have up to `strides` - 1 more.
    """
    batch, height, width, channels = x.shape
    taps = -(-kernel[0] // strides[0]) * -(-kernel[1] // strides[1]) * channels
    weights = _weights(model, (filters, *kernel, channels), axis=0, per_channel=per_channel)
    inputs, natural = _with_bias(model, x, weights, filters, taps, bias=bias)
    least = [
        (n - 1) * s + (1 if padding == "SAME" else k) for n, s, k in zip((height, width), strides, kernel, strict=True)
    ]
    shape = (batch, least[0] + more[0], least[1] + more[1], filters)
    target = model.constant(np.array(shape, np.int32))
    return model.operator(
        "TRANSPOSE_CONV",
        [target, weights, x, *(inputs[2:] if bias else [])],
        shape,
        scale or natural,
        middle(x, zero_point),
        dtype=x.dtype,
        padding=_padding(padding),
        strideH=strides[0],
        strideW=strides[1],
        fusedActivationFunction=_activation(activation),
    )


def average_pool_2d(model: ModelBuilder, x: Value, **attributes: Any) -> Value:
    """AVERAGE_POOL_2D; see `max_pool_2d` for the attributes."""
    return _pool("AVERAGE_POOL_2D", model, x, **attributes)


def max_pool_2d(model: ModelBuilder, x: Value, **attributes: Any) -> Value:
    """MAX_POOL_2D; attributes: window=(2, 2), strides=(2, 2), padding="VALID", activation="NONE"."""
    return _pool("MAX_POOL_2D", model, x, **attributes)


def mean(
    model: ModelBuilder,
    x: Value,
    *,
    axes: Sequence[int] = (1, 2),
    keep_dims: bool = False,
    scale: float | None = None,
    zero_point: int | None = None,
) -> Value:
    """MEAN over `axes`, which may be negative; by default with the input's quantization."""
    reduced = {a % len(x.shape) for a in axes}
    kept = [1 if i in reduced else n for i, n in enumerate(x.shape) if keep_dims or i not in reduced]
    positions = model.constant(np.array(axes, np.int32))
    return model.operator("MEAN", [x, positions], kept, *_like(x, scale, zero_point), keepDims=keep_dims)


def add(
    model: ModelBuilder,
    x: Value,
    other: Value | None = None,
    *,
    shape: Sequence[int] | None = None,
    constant: bool = False,
    activation: str = "NONE",
    scale: float | None = None,
    zero_point: int = 4,
) -> Value:
    """ADD with broadcasting of `x` and `other`.

    Without `other` the second operand has `shape` (default: x's own) and is a random constant, or a second
    model input where `constant` is False.
    """
    if other is None:
        shape = tuple(x.shape if shape is None else shape)
        if constant:
            other = model.constant(_random_int8(model, shape, -128), [x.scale * 1.7], [5])
        else:
            other = model.input(shape, x.scale * 1.7, 5)
    result = np.broadcast_shapes(x.shape, other.shape)
    natural = 3 * math.hypot(x.scale, other.scale) * INT8_DEVIATION / 128
    return model.operator(
        "ADD",
        [x, other],
        result,
        scale or natural,
        zero_point,
        fusedActivationFunction=_activation(activation),
    )


def reshape(model: ModelBuilder, x: Value, *, shape: Sequence[int]) -> Value:
    """RESHAPE to `shape` (no -1)."""
    target = model.constant(np.array(shape, np.int32))
    return model.operator("RESHAPE", [x, target], shape, x.scale, x.zero_point, dtype=x.dtype, newShape=list(shape))


def pad(model: ModelBuilder, x: Value, *, paddings: Sequence[tuple[int, int]], value: int | None = None) -> Value:
    """PAD by (before, after) an axis; with an int8 `value` it is PADV2."""
    amounts = model.constant(np.array(paddings, np.int32))
    shape = [n + before + after for n, (before, after) in zip(x.shape, paddings, strict=True)]
    if value is None:
        return model.operator("PAD", [x, amounts], shape, x.scale, x.zero_point)
    fill = model.constant(np.array(value, np.int8), [x.scale], [x.zero_point])
    return model.operator("PADV2", [x, amounts, fill], shape, x.scale, x.zero_point)


def softmax(model: ModelBuilder, x: Value, *, beta: float = 1.0, dtype: str | None = None) -> Value:
    """SOFTMAX over the last axis; the output is quantized as TFLite demands: for int8 scale 1/256, zero point -128."""
    wide = x.dtype == "int8" and dtype == "int16"
    scale, zero_point = (1 / 65536, -32768) if wide else _whole(x)
    return model.operator("SOFTMAX", [x], x.shape, scale, zero_point, dtype=dtype or x.dtype, beta=beta)


def logistic(model: ModelBuilder, x: Value) -> Value:
    """LOGISTIC; the output is quantized as TFLite demands: scale 1/256, zero point -128."""
    return model.operator("LOGISTIC", [x], x.shape, *_whole(x), dtype=x.dtype)


def relu(model: ModelBuilder, x: Value, *, scale: float | None = None, zero_point: int | None = None) -> Value:
    """RELU as an operator of its own; another `scale` or `zero_point` makes it requantize."""
    return model.operator("RELU", [x], x.shape, *_like(x, scale, zero_point))


def relu6(model: ModelBuilder, x: Value, *, scale: float | None = None, zero_point: int | None = None) -> Value:
    """RELU6 as an operator of its own."""
    return model.operator("RELU6", [x], x.shape, *_like(x, scale, zero_point))


def quantize(model: ModelBuilder, x: Value, *, scale: float = 0.05, zero_point: int = -3, dtype: str = "int8") -> Value:
    """QUANTIZE from float32, or from another quantization or integer type."""
    return model.operator("QUANTIZE", [x], x.shape, scale, zero_point, dtype=dtype)


def dequantize(model: ModelBuilder, x: Value) -> Value:
    """DEQUANTIZE to float32."""
    return model.operator("DEQUANTIZE", [x], x.shape, dtype="float32")


# --- what they share ------------------------------------------------------------------------------


def _pool(
    op: str,
    model: ModelBuilder,
    x: Value,
    *,
    window: tuple[int, int] = (2, 2),
    strides: tuple[int, int] = (2, 2),
    padding: str = "VALID",
    activation: str = "NONE",
) -> Value:
    batch, height, width, channels = x.shape
    shape = (
        batch,
        _windows(height, window[0], strides[0], 1, padding),
        _windows(width, window[1], strides[1], 1, padding),
        channels,
    )
    return model.operator(
        op,
        [x],
        shape,
        x.scale,
        x.zero_point,
        dtype=x.dtype,
        padding=_padding(padding),
        strideH=strides[0],
        strideW=strides[1],
        filterHeight=window[0],
        filterWidth=window[1],
        fusedActivationFunction=_activation(activation),
    )


def _random_int8(model: ModelBuilder, shape: Sequence[int], lowest: int) -> np.ndarray:
    return model.random.integers(lowest, 128, shape).astype(np.int8)


def _weights(
    model: ModelBuilder,
    shape: Sequence[int],
    *,
    axis: int,
    per_channel: bool,
    zero_point: int = 0,
    int4: bool = False,
) -> Value:
    """Random weights; per channel the scales spread over a factor of 16, as trained layers' do."""
    count = shape[axis] if per_channel else 1
    scales = 0.004 * 2.0 ** model.random.uniform(-2, 2, count)
    if int4:
        return model.int4(model.random.integers(-8, 8, shape).astype(np.int8), 16 * scales, axis)
    lowest = -127 if zero_point == 0 else -128
    return model.constant(_random_int8(model, shape, lowest), scales, [zero_point], axis)


def _with_bias(
    model: ModelBuilder, x: Value, weights: Value, channels: int, fan_in: int, *, bias: bool | str
) -> tuple[list[Value | None], float]:
    """The operator's inputs, and an output scale that the accumulator's three standard deviations fill."""
    wider = 256 if x.dtype == "int16" else 1
    deviation = math.sqrt(fan_in) * INT8_DEVIATION * INT8_DEVIATION * wider
    typical = float(np.exp(np.mean(np.log(weights.scales))))
    natural = 3 * deviation * x.scale * typical / (128 * wider)
    if not bias:
        return [x, weights, None], natural
    dtype = bias if isinstance(bias, str) else "int64" if x.dtype == "int16" else "int32"
    most = np.iinfo(dtype).max // 4
    values = np.clip(model.random.normal(0, deviation / 2, channels), -most, most).astype(dtype)
    return [x, weights, model.constant(values, x.scale * weights.scales)], natural


def _whole(x: Value) -> tuple[float, int]:
    """The quantization that TFLite demands of results from 0 to 1; of int16 those from -1."""
    return (1 / 32768, 0) if x.dtype == "int16" else (1 / 256, -128)


def middle(x: Value, zero_point: int | None) -> int:
    """An output's zero point: 4, or of int16 activations 0."""
    return (0 if x.dtype == "int16" else 4) if zero_point is None else zero_point


def _like(x: Value, scale: float | None, zero_point: int | None) -> tuple[float, int]:
    return (x.scale if scale is None else scale, x.zero_point if zero_point is None else zero_point)


def _windows(size: int, window: int, stride: int, dilation: int, padding: str) -> int:
    """Number of output positions along one axis."""
    reach = (window - 1) * dilation + 1
    count = -(-size // stride) if padding == "SAME" else -(-(size - reach + 1) // stride)
    if count < 1:
        raise ValueError(f"a window of {reach} does not fit into {size}")
    return count


def _padding(name: str) -> int:
    return int(getattr(schema.Padding, name))


def _activation(name: str) -> int:
    return int(getattr(schema.ActivationFunctionType, name))
