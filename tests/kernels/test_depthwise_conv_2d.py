"""DEPTHWISE_CONV_2D equals TFLM in every attribute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, window
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import depthwise_conv_2d


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any depthwise convolution that fits its image."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, kernel_height, stride_height, dilation_height = draw(window(padding))
    width, kernel_width, stride_width, dilation_width = draw(window(padding))
    return case(
        depthwise_conv_2d,
        (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 9))),
        **draw(quantizations()),
        multiplier=draw(st.integers(1, 4)),
        kernel=(kernel_height, kernel_width),
        strides=(stride_height, stride_width),
        dilation=(dilation_height, dilation_width),
        padding=padding,
        activation=draw(activations()),
        per_channel=draw(st.booleans()),
        bias=draw(st.booleans()),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)
