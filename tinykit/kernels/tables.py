"""Functions of one int8 value as tables of all 256 results, exactly as TFLM (or, where it has none, TFLite) computes
them. Inputs ascend from -128 to 127.

Facts are from `tensorflow/lite/kernels/internal/reference/` and `tensorflow/lite/kernels/internal/common.h`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinykit.graph.arithmetic import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
    rounding_divide_by_power_of_two,
)
from tinykit.graph.model import Quantization
from tinykit.graph.ops.functions import RSQRT_BITS
from tinykit.kernels import fixed_point

INPUTS = np.arange(-128, 128)
"""Every int8."""

TANH_BITS = 4
"""Integer bits of TFLM's TANH input."""


def _clipped(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -128, 127)


def by_function(function: Callable[[float], float], x: Quantization, y: Quantization) -> np.ndarray:
    """What TFLM's float tables hold: dequantize, `function`, divide, round; all in float32.

    `function` gives a real; it is rounded once to float32, which a C library's own float function nearly always
    does too. Results that are infinite saturate; NaN is the output's lowest value.
    """
    scale, inverse = np.float32(x.scale), np.float32(1) / np.float32(y.scale)
    results = []
    for value in INPUTS - x.zero_point:
        with np.errstate(over="ignore", invalid="ignore"):
            steps = float(np.float32(function(float(scale * np.float32(value)))) * inverse)
        if math.isnan(steps):
            results.append(-128)
        else:
            results.append(round_half_away(max(min(steps, 1e6), -1e6)) + y.zero_point)
    return _clipped(np.array(results))


def tanh(x: Quantization) -> np.ndarray:
    """TANH; the output's scale is 1/128 and its zero point 0, whatever it says."""
    multiplier, shift = quantize_multiplier(x.scale * (1 << (31 - TANH_BITS)))
    radius = fixed_point.input_radius(TANH_BITS, shift)
    plain = INPUTS - x.zero_point
    scaled = multiply_by_quantized_multiplier(plain, multiplier, shift)
    results = []
    for value, raised in zip(plain, scaled, strict=True):
        if abs(int(value)) >= radius:
            results.append(-128 if value < 0 else 127)
        else:
            results.append(fixed_point.shift_right(fixed_point.tanh(int(raised), TANH_BITS), 31 - 7))
    return _clipped(np.array(results))


def absolute(x: Quantization, y: Quantization) -> np.ndarray:
    """ABS."""
    pair = quantize_multiplier(x.scale / y.scale)
    return _clipped(multiply_by_quantized_multiplier(np.abs(INPUTS - x.zero_point), *pair) + y.zero_point)


def leaky_relu(x: Quantization, y: Quantization, alpha: float) -> np.ndarray:
    """LEAKY_RELU."""
    plain = INPUTS - x.zero_point
    (low, low_shift), high = leaky_multipliers(x, y, alpha)
    sign = 1 if alpha >= 0 else -1
    below = sign * multiply_by_quantized_multiplier(plain, low, low_shift)
    above = multiply_by_quantized_multiplier(plain, *high)
    return _clipped(np.where(plain >= 0, above, below) + y.zero_point)


def leaky_multipliers(x: Quantization, y: Quantization, alpha: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Multipliers and shifts of LEAKY_RELU: below zero (of alpha's magnitude), and above."""
    below = abs(x.scale * float(np.float32(alpha)) / y.scale)
    return quantize_multiplier(below), quantize_multiplier(x.scale / y.scale)


def relu_n1_to_1(x: Quantization, y: Quantization) -> np.ndarray:
    """RELU_N1_TO_1, which TFLM lacks."""
    pair = quantize_multiplier(x.scale / y.scale)
    moved = multiply_by_quantized_multiplier(INPUTS - x.zero_point, *pair) + y.zero_point
    one = round_half_away(float(np.float32(1) / np.float32(y.scale)))
    return _clipped(np.clip(moved, y.zero_point - one, y.zero_point + one))


def root(x: Quantization, y: Quantization) -> np.ndarray:
    """SQRT as TFLite computes it from 2.21 on: in float32, cut off; of what is below 0 (where it stops), as of 0."""
    real = np.float32(x.scale) * np.maximum(INPUTS - x.zero_point, 0).astype(np.float32)
    steps = np.sqrt(real) / np.float32(y.scale)
    return _clipped(np.minimum(steps, np.float32(1e6)).astype(np.int64) + y.zero_point)


def rsqrt(x: Quantization, y: Quantization) -> np.ndarray:
    """RSQRT; of 0, and of what is below (where TFLM stops), the greatest value."""
    multiplier, shift = rsqrt_multiplier(x, y)
    results = []
    for value in INPUTS - x.zero_point:
        if value <= 0:
            results.append(127)
            continue
        inverse, left = fixed_point.inverse_square_root(int(value))
        data = multiply_by_quantized_multiplier(1, inverse, left + RSQRT_BITS)
        results.append(int(multiply_by_quantized_multiplier(data, multiplier, shift - RSQRT_BITS)) + y.zero_point)
    return _clipped(np.array(results))


def rsqrt_multiplier(x: Quantization, y: Quantization) -> tuple[int, int]:
    """Multiplier and shift from the inverse root of whole steps to the output's, by a product in float32."""
    root = np.float32(math.sqrt(x.scale))
    return quantize_multiplier(1.0 / float(root * np.float32(y.scale)))


def hard_swish(x: Quantization, y: Quantization) -> np.ndarray:
    """HARD_SWISH, in TFLM's 16-bit fixed point."""
    (output_multiplier, output_exponent), (relu_multiplier, relu_exponent) = hard_swish_multipliers(x, y)
    raised = (INPUTS - x.zero_point) * 128
    preshift = _high_multiply_int16(raised, output_multiplier)
    reluish = raised
    if relu_exponent > 0:
        reluish = _saturate_int16(reluish << (relu_exponent - 1))
    reluish = _high_multiply_int16(reluish, relu_multiplier)
    if relu_exponent > 0:
        reluish = _saturate_int16(reluish << 1)
    if relu_exponent < 0:
        reluish = rounding_divide_by_power_of_two(reluish, -relu_exponent)
    reluish = (reluish + (1 << 15)) >> 1
    product = reluish * preshift
    high = np.sign(product) * (np.abs(product) >> 15)
    return _clipped(rounding_divide_by_power_of_two(high, -output_exponent) + y.zero_point)


def hard_swish_multipliers(x: Quantization, y: Quantization) -> tuple[tuple[int, int], tuple[int, int]]:
    """16-bit multipliers and exponents of HARD_SWISH: of the output, and of its clamped factor."""
    raised = np.float32(1 / 128) * np.float32(x.scale)
    with np.errstate(over="ignore", under="ignore"):
        reals = (float(raised / np.float32(y.scale)), float(raised / np.float32(3 / 32768)))
    pairs = [quantize_multiplier(real) for real in reals]
    first, second = ((min((multiplier + (1 << 15)) >> 16, 32767), shift) for multiplier, shift in pairs)
    return first, second


def _high_multiply_int16(a: np.ndarray, b: int) -> np.ndarray:
    """a * b / 2**15, to nearest, halves up."""
    return (a * b + (1 << 14)) >> 15


def _saturate_int16(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(1 << 15), (1 << 15) - 1)
