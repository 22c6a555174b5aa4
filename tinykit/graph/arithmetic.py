"""TFLM's integer arithmetic on numpy arrays: what requantization is, bit for bit.

Facts are from TFLM's reference build, which rounds twice (TFLITE_SINGLE_ROUNDING is not defined there):
`tensorflow/lite/kernels/internal/quantization_util.cc` and `common.cc`, `tensorflow/lite/kernels/kernel_util.cc`,
and gemmlowp's `fixedpoint.h` for the two rounding primitives.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinykit.graph.model import Quantization

INTEGER_RANGES = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-(1 << 15), (1 << 15) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
}
"""Least and greatest value of each integer type."""

_INT32_MAX = INTEGER_RANGES["int32"][1]

LARGEST_SHIFT = 30
"""Greatest left shift for which TFLM's `x * (1 << shift)` is defined."""

_CLAMPS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}

ACTIVATIONS = tuple(_CLAMPS)
"""Fused activations that are clamps, and so exact in integers."""


def round_half_away(value: float) -> int:
    """C's `round`: to the nearest integer, halves away from zero."""
    whole = math.floor(abs(value))
    whole += abs(value) - whole >= 0.5
    return -whole if value < 0 else whole


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A non-negative real as `multiplier / 2**31 * 2**shift`.

    Args:
        real: finite, at least 0.

    Returns: multiplier (0, or 2**30 to 2**31 - 1) and shift (-31 and up). Reals under 2**-32 become (0, 0).
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def short_multiplier(multiplier: int) -> int:
    """The upper 16 bits, rounded, of a multiplier: what TFLM scales 64-bit sums with."""
    return (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF


def channel_multipliers(
    input_scale: float, filter_scales: np.ndarray, output_scale: float, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of CONV_2D and DEPTHWISE_CONV_2D (always), and of FULLY_CONNECTED with several scales.

    Args:
        input_scale, output_scale: float32 values.
        filter_scales: float32, one or `channels` of them; one is used for all channels.
        channels: output channels.

    Returns: int32 multipliers and int32 shifts, shape (channels,).
    """
    pairs = [quantize_multiplier(float(input_scale) * float(scale) / float(output_scale)) for scale in filter_scales]
    if len(pairs) == 1:
        pairs *= channels
    multipliers, shifts = zip(*pairs, strict=True)
    return np.array(multipliers, np.int32), np.array(shifts, np.int32)


def fully_connected_multiplier(input_scale: float, filter_scale: float, output_scale: float) -> tuple[int, int]:
    """Multiplier and shift of FULLY_CONNECTED with one filter scale, and of BATCH_MATMUL.

    TFLM multiplies the input and filter scales in double; until early October 2026 it did so in float32, which moves
    an output by one in rare cases.
    """
    return quantize_multiplier(float(input_scale) * float(filter_scale) / float(output_scale))


def saturating_rounding_doubling_high_mul(a: Any, b: Any) -> np.ndarray:
    """`a * b / 2**31` on int32 values, to nearest, halves up; the one overflow (both -2**31) saturates.

    Returns: int64 array of int32 values.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    return np.minimum((product + (1 << 30)) >> 31, _INT32_MAX)


def rounding_divide_by_power_of_two(x: Any, exponent: Any) -> np.ndarray:
    """`x / 2**exponent`, to nearest, halves away from zero. `exponent`: 0 to 31.

    Returns: int64 array.
    """
    x = np.asarray(x, np.int64)
    exponent = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def wrap_int32(x: Any) -> np.ndarray:
    """The low 32 bits of int64 values, as signed numbers in an int64 array."""
    return ((np.asarray(x, np.int64) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def multiply_by_quantized_multiplier(x: Any, multiplier: Any, shift: Any) -> np.ndarray:
    """Requantize int32 values: `x * multiplier / 2**31 * 2**shift`, rounded twice as TFLM does.

    Args:
        x: int32 values, any shape (any integer dtype).
        multiplier, shift: from `quantize_multiplier`, broadcast against `x`; shift -31 to `LARGEST_SHIFT`.

    Returns: int64 array of int32 values. A left shift keeps the low 32 bits, as the C does.
    """
    shift = np.asarray(shift, np.int64)
    raised = wrap_int32(np.asarray(x, np.int64) << np.maximum(shift, 0))
    high = saturating_rounding_doubling_high_mul(raised, multiplier)
    return rounding_divide_by_power_of_two(high, np.maximum(-shift, 0))


def activation_range(activation: str, scale: float, zero_point: int, dtype: str) -> tuple[int, int]:
    """The clamp of a fused activation, in quantized units of the output.

    Args:
        activation: one of `ACTIVATIONS`.
        scale, zero_point, dtype: the output's.

    Returns: least and greatest output value.

    Raises: OverflowError where the bound is no int32 (TFLM refuses such a model).
    """
    low, high = INTEGER_RANGES[dtype]
    lower, upper = _CLAMPS[activation]
    if lower is not None:
        low = max(low, _quantized(lower, scale, zero_point))
    if upper is not None:
        high = min(high, _quantized(upper, scale, zero_point))
    return low, high


def activation_limits(activation: str) -> tuple[float, float]:
    """The clamp of a fused activation on plain numbers: least and greatest result.

    Without an activation TFLM still clamps floats to the finite ones.
    """
    lower, upper = _CLAMPS[activation]
    widest = float(np.finfo(np.float32).max)
    return (-widest if lower is None else lower), (widest if upper is None else upper)


def _quantized(real: float, scale: float, zero_point: int) -> int:
    with np.errstate(over="ignore"):
        steps = float(np.float32(real) / np.float32(scale))
    if not abs(steps) < _INT32_MAX - 65536:
        raise OverflowError(f"{real} / {scale} is not an int32")
    return zero_point + round_half_away(steps)


def requantize(values: Any, source: Quantization, target: Quantization, dtype: str) -> np.ndarray:
    """What QUANTIZE makes of integer `values` (`reference/requantize.h`): int64 array within the range of `dtype`."""
    multiplier, shift = quantize_multiplier(source.scale / target.scale)
    moved = multiply_by_quantized_multiplier(np.asarray(values, np.int64) - source.zero_point, multiplier, shift)
    return np.clip(moved + target.zero_point, *INTEGER_RANGES[dtype])


def relu(values: Any, source: Quantization, target: Quantization) -> np.ndarray:
    """What the operator RELU makes of int8 `values` (`micro/kernels/activations_common.cc`): int64 array."""
    with np.errstate(over="ignore", under="ignore"):
        ratio = float(np.float32(source.scale) / np.float32(target.scale))
    moved = multiply_by_quantized_multiplier(
        np.asarray(values, np.int64) - source.zero_point, *quantize_multiplier(ratio)
    )
    return np.clip(moved + target.zero_point, target.zero_point, 127)


def relu6(values: Any, source: Quantization) -> np.ndarray:
    """What the operator RELU6 makes of int8 `values`: a clamp in the input's own units, int64 array."""
    return np.clip(np.asarray(values, np.int64), *activation_range("RELU6", source.scale, source.zero_point, "int8"))


ADD_LEFT_SHIFTS = {"int8": 20, "int16": 15}
"""Bits by which TFLM raises the operands of ADD and SUB before it rescales them (`micro/kernels/add_common.cc`)."""

ADD_LEFT_SHIFT = ADD_LEFT_SHIFTS["int8"]

SQUARED_DIFFERENCE_LEFT_SHIFTS = {"int8": 7, "int16": 0}
"""The same of SQUARED_DIFFERENCE (`micro/kernels/squared_difference.cc`)."""


def add_multipliers(
    a_scale: float, b_scale: float, y_scale: float, left_shift: int = ADD_LEFT_SHIFT
) -> tuple[tuple[int, int], ...]:
    """Multipliers and shifts of ADD and SUB: of the first operand, the second, and the output."""
    twice = 2 * max(a_scale, b_scale)
    return (
        quantize_multiplier(a_scale / twice),
        quantize_multiplier(b_scale / twice),
        quantize_multiplier(twice / ((1 << left_shift) * y_scale)),
    )


def squared_difference_multipliers(
    a_scale: float, b_scale: float, y_scale: float, dtype: str
) -> tuple[tuple[int, int], ...]:
    """The same of SQUARED_DIFFERENCE."""
    twice = 2 * max(a_scale, b_scale)
    raised = 1 << (2 * SQUARED_DIFFERENCE_LEFT_SHIFTS[dtype])
    return (
        quantize_multiplier(a_scale / twice),
        quantize_multiplier(b_scale / twice),
        quantize_multiplier(twice * twice / (raised * y_scale)),
    )


def div_multiplier(a_scale: float, b_scale: float, y_scale: float) -> tuple[int, int]:
    """Multiplier and shift of DIV."""
    return quantize_multiplier(a_scale / (b_scale * y_scale))


def cumsum_multiplier(x_scale: float, y_scale: float) -> tuple[int, int]:
    """Multiplier and shift of CUMSUM, whose sums have 19 more bits (`micro/kernels/cumsum.cc`)."""
    return quantize_multiplier(2 * x_scale / ((1 << 20) * y_scale))


def mean_multiplier(x_scale: float, y_scale: float, count: int) -> tuple[int, int]:
    """Multiplier and shift that take a sum of `count` int8 values (minus zero points) to their mean (`reduce.h`)."""
    multiplier, shift = quantize_multiplier(x_scale / y_scale)
    down = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << down) // count, shift - down
