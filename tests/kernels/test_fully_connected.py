"""FULLY_CONNECTED equals TFLM in every attribute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, fully_connected
from tinykit.graph.arithmetic import (
    fully_connected_multiplier,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)
from tinykit.validate.judge import Judge


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Batches in leading dimensions, one scale or many, weights with a zero point, with and without bias."""
    leading = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    per_channel = draw(st.booleans())
    return case(
        fully_connected,
        (*leading, draw(st.integers(1, 70))),
        **draw(quantizations()),
        units=draw(st.integers(1, 17)),
        activation=draw(activations()),
        per_channel=per_channel,
        weights_zero_point=0 if per_channel else draw(st.sampled_from([0, 0, -128, 127, 3, -17])),
        bias=draw(st.booleans()),
        keep_dims=draw(st.booleans()),
        scale=draw(st.sampled_from([None, None, 0.002, 1.5])),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def double_rounding_shows() -> list[tuple[tuple[float, float, float], np.ndarray]]:
    """Scales of input, filter and output, and sums that would come out otherwise from a product in float32."""
    random = np.random.default_rng(0)
    found = []
    sums = np.arange(-95000, 95000)
    while len(found) < 8:
        a, b, c = (float(np.float32(random.uniform(*r))) for r in ((0.01, 0.05), (0.01, 0.03), (0.2, 0.5)))
        single = quantize_multiplier(float(np.float32(a) * np.float32(b)) / c)
        double = fully_connected_multiplier(a, b, c)
        unlike = multiply_by_quantized_multiplier(sums, *single) != multiply_by_quantized_multiplier(sums, *double)
        if np.count_nonzero(unlike) >= 6:
            found.append(((a, b, c), sums[unlike][:6]))
    return found


@pytest.mark.parametrize(("scales", "sums"), double_rounding_shows())
def test_scales_are_multiplied_as_the_judge_does(scales: tuple[float, float, float], sums: np.ndarray) -> None:
    a, b, c = scales
    sign, (whole, rest) = np.sign(sums), divmod(np.abs(sums), 127 * 127)
    weights = np.zeros((len(sums), 12), np.int8)  # row by row, an input of 127s and ones makes exactly these sums
    for row in range(len(sums)):
        weights[row, : whole[row]] = 127 * sign[row]
        weights[row, 8:10] = np.array(divmod(rest[row], 127)) * sign[row]
    x = np.array([[127] * 9 + [1, 0, 0]], np.int8)
    model = ModelBuilder()
    value = model.input(x.shape, a, 0)
    dense = model.operator("FULLY_CONNECTED", [value, model.constant(weights, [b]), None], (1, len(sums)), c, 0)
    with Judge(model.finish([dense])) as judge:
        answer = judge.run([x])[0]
    expected = multiply_by_quantized_multiplier(sums, *fully_connected_multiplier(a, b, c))
    assert np.array_equal(answer[0], np.clip(expected, -128, 127))
