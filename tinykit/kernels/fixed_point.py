"""TFLM's fixed-point exponential and reciprocal, on Python integers: for tables made at compile time.

Values are 32-bit with `31 - integer bits` fractional bits. Facts (constants, order of roundings) are from gemmlowp's
`fixedpoint.h`, which TFLM's SOFTMAX and LOGISTIC use.
"""

from __future__ import annotations

from tinykit.graph.arithmetic import rounding_divide_by_power_of_two, saturating_rounding_doubling_high_mul

ONE = (1 << 31) - 1
"""1 with 31 fractional bits, as near as it gets."""

_EXP_OF_MINUS_EIGHTH = 1895147668
_ONE_THIRD = 715827883
_EXP_OF_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""exp(-2**k) with 31 fractional bits, by k."""
_48_OVER_17, _MINUS_32_OVER_17 = 1515870810, -1010580540
"""With 29 fractional bits: the Newton-Raphson start for reciprocals of 0.5 to 1."""


def multiply(a: int, b: int) -> int:
    """The product of two values; their integer bits add up."""
    return int(saturating_rounding_doubling_high_mul(a, b))


def shift_right(value: int, bits: int) -> int:
    """value / 2**bits, to nearest, halves away from zero."""
    return int(rounding_divide_by_power_of_two(value, bits))


def shift_left(value: int, bits: int) -> int:
    """value * 2**bits, saturated to 32 bits."""
    return max(-(1 << 31), min(value << bits, ONE))


def exponential(value: int, integer_bits: int) -> int:
    """exp(value) with 31 fractional bits, for value <= 0 with `integer_bits` (at most 5) integer bits."""
    if value == 0:
        return ONE
    fractional_bits = 31 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    part = (value & (quarter - 1)) - quarter
    result = _exponential_of_quarter(shift_left(part, integer_bits))
    rest = part - value
    for power, factor in _EXP_OF_POWERS:
        if power < integer_bits and rest >> (fractional_bits + power) & 1:
            result = multiply(result, factor)
    return result


def _exponential_of_quarter(value: int) -> int:
    """exp of -1/4 to 0, 31 fractional bits: a Taylor polynomial about -1/8."""
    x = value + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    tail = shift_right(multiply(shift_right(x4, 2) + x3, _ONE_THIRD) + x2, 1)
    return _EXP_OF_MINUS_EIGHTH + multiply(_EXP_OF_MINUS_EIGHTH, x + tail)


def reciprocal_of_one_plus(value: int) -> int:
    """1 / (1 + value) with 31 fractional bits, for value from 0 to 1 with 31 fractional bits."""
    return shift_left(_two_over_one_plus(value), 1)


def _two_over_one_plus(value: int) -> int:
    """2 / (1 + value) with 29 fractional bits."""
    half_denominator = (value + ONE + 1) // 2
    estimate = _48_OVER_17 + multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, estimate)
        estimate += shift_left(multiply(estimate, error), 2)
    return estimate


def tanh(value: int, integer_bits: int) -> int:
    """tanh(value) with 31 fractional bits, by (1 - e) / (1 + e), e = exp(-2 |value|)."""
    if value == 0:
        return 0
    part = _two_over_one_plus(exponential(-abs(value), integer_bits + 1))
    positive = shift_left(part - (1 << 29), 2)
    return positive if value > 0 else -positive


_HALF_SQUARE_ROOT_OF_TWO = 1518500250


def inverse_square_root(value: int) -> tuple[int, int]:
    """1 / sqrt(value) as `multiplier / 2**31 * 2**shift`; 0 counts as 1 (`GetInvSqrtQuantizedMultiplierExp`)."""
    if value <= 1:
        return ONE, 0
    right = 11
    while value >= 1 << 29:
        value //= 4
        right += 1
    pairs = (31 - value.bit_length()) // 2 - 1
    right -= pairs
    value <<= 2 * pairs
    half = shift_right(value >> 1, 1)
    x = 1 << 28
    for _ in range(5):
        cube = shift_left(multiply(multiply(x, x), x), 6)
        x = shift_left(multiply((1 << 28) + (1 << 27), x) - multiply(half, cube), 3)
    x = multiply(x, _HALF_SQUARE_ROOT_OF_TWO)
    return (x << -right, 0) if right < 0 else (x, -right)


def logistic(value: int, integer_bits: int) -> int:
    """1 / (1 + exp(-value)) with 31 fractional bits."""
    if value == 0:
        return 1 << 30
    positive = reciprocal_of_one_plus(exponential(-abs(value), integer_bits))
    return positive if value > 0 else ONE - positive


def input_radius(integer_bits: int, left_shift: int) -> int:
    """The largest input that a left shift keeps within the fixed-point range (`CalculateInputRadius` in TFLite)."""
    return (((1 << integer_bits) - 1) << (31 - integer_bits)) >> left_shift
