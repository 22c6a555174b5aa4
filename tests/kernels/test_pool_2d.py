"""AVERAGE_POOL_2D and MAX_POOL_2D equal TFLM in every attribute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, window
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import average_pool_2d, max_pool_2d


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any window, also one over the whole image, and one padded on all sides."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, kernel_height, stride_height, _ = draw(window(padding, most_dilation=1))
    width, kernel_width, stride_width, _ = draw(window(padding, most_dilation=1))
    if draw(st.integers(0, 4)) == 0:
        kernel_height, kernel_width = height, width
    return case(
        draw(st.sampled_from([average_pool_2d, max_pool_2d])),
        (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 9))),
        **draw(quantizations()),
        window=(kernel_height, kernel_width),
        strides=(stride_height, stride_width),
        padding=padding,
        activation=draw(activations()),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)
