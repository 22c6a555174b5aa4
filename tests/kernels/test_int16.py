"""Operators of int16 activations, with int8 weights where they have any, equal TFLM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, window
from tests.support.builder import ModelBuilder, Value
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import (
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    logistic,
    max_pool_2d,
    single,
    softmax,
)
from tinykit.errors import UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.graph.support import require_supported


@st.composite
def symmetric(draw: st.DrawFn) -> dict[str, Any]:
    """An int16 input, and the seed of the model's weights."""
    return {
        "input_dtype": "int16",
        "input_scale": draw(st.sampled_from([1 / 32768, 0.0001, 0.00061])),
        "input_zero_point": 0,
        "seed": draw(st.integers(0, 1 << 16)),
    }


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """CONV_2D and DEPTHWISE_CONV_2D."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, kernel_height, stride_height, dilation_height = draw(window(padding))
    width, kernel_width, stride_width, dilation_width = draw(window(padding))
    common = {
        **draw(symmetric()),
        "kernel": (kernel_height, kernel_width),
        "strides": (stride_height, stride_width),
        "dilation": (dilation_height, dilation_width),
        "padding": padding,
        "activation": draw(activations()),
        "per_channel": draw(st.booleans()),
    }
    if draw(st.booleans()):
        shape = (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 5)))
        return case(depthwise_conv_2d, shape, **common, multiplier=draw(st.integers(1, 3)), bias=draw(st.booleans()))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    shape = (draw(st.integers(1, 2)), height, width, groups * draw(st.integers(1, 5)))
    filters = groups * draw(st.integers(1, 5))
    bias = draw(st.sampled_from([True, False, "int32"]))
    return case(conv_2d, shape, **common, filters=filters, groups=groups, bias=bias)


@st.composite
def dense(draw: st.DrawFn) -> Case:
    """FULLY_CONNECTED, some with sums that need more than 32 bits."""
    depth = draw(st.integers(1, 40) | st.integers(600, 1500))
    return case(
        fully_connected,
        (draw(st.integers(1, 3)), depth),
        **draw(symmetric()),
        units=draw(st.integers(1, 9)),
        per_channel=draw(st.booleans()),
        activation=draw(activations()),
        bias=draw(st.sampled_from([True, False] + ["int32"] * (depth < 100))),
    )


@st.composite
def pools(draw: st.DrawFn) -> Case:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, window_height, stride_height, _ = draw(window(padding, 1))
    width, window_width, stride_width, _ = draw(window(padding, 1))
    return case(
        draw(st.sampled_from([average_pool_2d, max_pool_2d])),
        (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 5))),
        **draw(symmetric()),
        window=(window_height, window_width),
        strides=(stride_height, stride_width),
        padding=padding,
        activation=draw(activations()),
    )


@st.composite
def sigmoids(draw: st.DrawFn) -> Case:
    """LOGISTIC, TANH and SOFTMAX of any scale, those near to powers of two among them."""
    scale = draw(st.sampled_from([2.0**-12, 2.0**-12 * 1.0005, 2.0**-11, 2.0**-13]) | st.floats(1e-6, 1.5))
    make = draw(st.sampled_from([logistic, tanh_int16, softmax]))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 40) | st.integers(100, 400)))
    return case(make, shape, **{**draw(symmetric()), "input_scale": scale})


def tanh_int16(model: ModelBuilder, x: Value) -> Value:
    """TANH of int16."""
    return model.operator("TANH", [x], x.shape, 1 / 32768, 0, dtype="int16")


@many_models
@given(st.lists(convolutions() | dense() | pools() | sigmoids(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


@pytest.mark.parametrize(
    ("make", "attributes", "why"),
    [
        (depthwise_conv_2d, {"bias": "int32"}, "not int64"),
        (conv_2d, {"zero_point": 3}, "zero points other than 0"),
        (fully_connected, {"bias": "int16"}, "not int32 or int64"),
    ],
)
def test_what_tflm_cannot_compute_is_refused(make: Any, attributes: dict[str, Any], why: str) -> None:
    model = single(make, (1, 4, 4, 2), input_dtype="int16", input_zero_point=0, **attributes)
    with pytest.raises(UnsupportedModel, match=why):
        require_supported(read_graph(model))


def test_sigmoids_of_every_value_equal_tflm() -> None:
    cases = [
        Case(f"{make.__name__} {scale}", every_value(make, scale))
        for make in (logistic, tanh_int16)
        for scale in (2.0**-12, 2.0**-11, 0.0001, 0.0031)
    ]
    assert_equal(cases, count=1)


def every_value(make: Any, scale: float) -> bytes:
    """A model that takes the function of all 65536 values: its input and a constant, added."""
    model = ModelBuilder()
    x = model.input((1, 1), scale, 0, "int16")
    ramp = model.constant(np.arange(-32768, 32768).astype(np.int16).reshape(1, -1), [scale], [0])
    least = model.operator("MINIMUM", [x, ramp], (1, 65536), scale, 0, dtype="int16")
    most = model.operator("MAXIMUM", [least, ramp], (1, 65536), scale, 0, dtype="int16")
    return model.finish([make(model, most)])
