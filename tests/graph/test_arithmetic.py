"""The shared integer arithmetic against plain Python integers and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.graph.arithmetic import (
    LARGEST_SHIFT,
    activation_range,
    channel_multipliers,
    fully_connected_multiplier,
    mean_multiplier,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)


@given(st.floats(2.0**-31, 2.0**30))
def test_multipliers_are_close_and_normal(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    value = Fraction(multiplier, 1 << 31) * Fraction(2) ** shift
    assert abs(value / Fraction(real) - 1) <= Fraction(1, 1 << 30)


def test_multipliers_at_the_edges() -> None:
    assert quantize_multiplier(0.0) == (0, 0)
    assert quantize_multiplier(1.0) == (1 << 30, 1)
    assert quantize_multiplier(math.nextafter(1.0, 0.0)) == (1 << 30, 1)
    assert quantize_multiplier(2.0**-33) == (0, 0)
    assert quantize_multiplier(2.0**-32) == (1 << 30, -31)


@given(INT32, INT32)
def test_high_product_rounds_half_up(a: int, b: int) -> None:
    exact = Fraction(a * b, 1 << 31) + Fraction(1, 2)
    assert saturating_rounding_doubling_high_mul(a, b) == min(math.floor(exact), (1 << 31) - 1)


@given(INT32, st.integers(0, 31))
def test_division_rounds_half_away(x: int, exponent: int) -> None:
    exact = Fraction(abs(x), 1 << exponent)
    assert rounding_divide_by_power_of_two(x, exponent) == int(math.copysign(1, x)) * math.floor(exact + Fraction(1, 2))


@given(INT32, st.integers(1 << 30, (1 << 31) - 1), st.integers(-31, LARGEST_SHIFT))
def test_requantization_is_its_two_roundings(x: int, multiplier: int, shift: int) -> None:
    raised = (x << max(shift, 0)) & 0xFFFFFFFF
    raised -= (raised >> 31) << 32
    high = min(math.floor(Fraction(raised * multiplier, 1 << 31) + Fraction(1, 2)), (1 << 31) - 1)
    down = Fraction(abs(high), 1 << max(-shift, 0)) + Fraction(1, 2)
    expected = math.floor(down) * (1 if high >= 0 else -1)
    assert multiply_by_quantized_multiplier(np.int32(x), multiplier, shift) == expected


@given(st.lists(INT32, min_size=2, max_size=2), st.floats(2.0**-31, 1.0))
def test_requantization_never_falls(pair: list[int], real: float) -> None:
    low, high = sorted(pair)
    multiplier, shift = quantize_multiplier(real)
    if shift <= 0:
        results = multiply_by_quantized_multiplier([low, high], multiplier, shift)
        assert results[0] <= results[1]


def test_a_multiplier_for_every_channel() -> None:
    multipliers, shifts = channel_multipliers(0.5, np.array([0.25, 0.5], np.float32), 1.0, 2)
    assert (multipliers.tolist(), shifts.tolist()) == ([1 << 30, 1 << 30], [-2, -1])
    multipliers, _ = channel_multipliers(0.5, np.array([0.25], np.float32), 1.0, 3)
    assert multipliers.shape == (3,)


def test_dense_layers_multiply_scales_in_double() -> None:
    a, b, y = (float(np.float32(v)) for v in (0.1, 0.3, 0.7))
    assert fully_connected_multiplier(a, b, y) == quantize_multiplier(a * b / y)
    assert fully_connected_multiplier(a, b, y) != quantize_multiplier(float(np.float32(a) * np.float32(b)) / y)


def test_activation_ranges() -> None:
    assert activation_range("NONE", 0.1, 0, "int8") == (-128, 127)
    assert activation_range("RELU", 0.1, -128, "int8") == (-128, 127)
    assert activation_range("RELU6", 0.05, -28, "int8") == (-28, 92)
    assert activation_range("RELU_N1_TO_1", 0.1, 3, "int8") == (-7, 13)
    assert activation_range("RELU6", 0.05, 10, "uint8") == (10, 130)
    with pytest.raises(OverflowError):
        activation_range("RELU6", 1e-30, 0, "int8")


@given(st.floats(-1e6, 1e6))
def test_rounding_is_half_away_from_zero(value: float) -> None:
    exact = math.floor(Fraction(abs(value)) + Fraction(1, 2))
    assert round_half_away(value) == (exact if value >= 0 else -exact)


@given(st.integers(-(1 << 40), 1 << 40))
def test_wrapping_keeps_the_low_bits(value: int) -> None:
    wrapped = int(wrap_int32(value))
    assert -(1 << 31) <= wrapped < 1 << 31
    assert (wrapped - value) % (1 << 32) == 0


def test_means_divide_by_the_count() -> None:
    multiplier, shift = mean_multiplier(1.0, 1.0, 49)
    assert multiply_by_quantized_multiplier(49 * 7, multiplier, shift) == 7
