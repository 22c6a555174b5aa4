"""CONV_2D equals TFLM in every attribute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, window
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import conv_2d


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any convolution that fits its image."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, kernel_height, stride_height, dilation_height = draw(window(padding))
    width, kernel_width, stride_width, dilation_width = draw(window(padding))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    shape = (draw(st.integers(1, 2)), height, width, groups * draw(st.integers(1, 5)))
    return case(
        conv_2d,
        shape,
        **draw(quantizations()),
        filters=groups * draw(st.integers(1, 5)),
        kernel=(kernel_height, kernel_width),
        strides=(stride_height, stride_width),
        dilation=(dilation_height, dilation_width),
        padding=padding,
        groups=groups,
        activation=draw(activations()),
        per_channel=draw(st.booleans()),
        bias=draw(st.booleans()),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_large_kernels_and_pointwise_layers_equal_tflm() -> None:
    assert_equal(
        [
            case(
                conv_2d, (1, 49, 10, 1), filters=8, kernel=(10, 4), strides=(2, 2), padding="SAME", input_zero_point=83
            ),
            case(conv_2d, (1, 5, 6, 40), filters=24, kernel=(1, 1), input_zero_point=-128, activation="RELU"),
            case(conv_2d, (1, 6, 6, 16), filters=8, kernel=(1, 1), strides=(2, 2), padding="SAME"),
            case(
                conv_2d, (1, 3, 3, 2), filters=3, kernel=(7, 7), padding="SAME", dilation=(2, 2), input_zero_point=127
            ),
            case(conv_2d, (1, 1, 1, 1), filters=1, kernel=(1, 1), input_scale=1.0),
        ]
    )
