"""FULLY_CONNECTED equals TFLM in every attribute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import fully_connected


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
