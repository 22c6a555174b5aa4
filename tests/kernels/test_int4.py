"""Weights of four bits give TFLM's bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, window
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import conv_2d, depthwise_conv_2d, fully_connected, single
from tinykit.errors import UnsupportedModel
from tinykit.graph.int4 import packed
from tinykit.graph.reader import read_graph
from tinykit.graph.support import require_supported
from tinykit.plan.build import make_plan
from tinykit.targets import target


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Convolutions and dense layers, odd numbers of weights among them."""
    common = {**draw(quantizations()), "int4": True, "activation": draw(activations()), "bias": draw(st.booleans())}
    if draw(st.booleans()):
        depth = draw(st.integers(1, 40))
        return case(fully_connected, (draw(st.integers(1, 3)), depth), **common, units=draw(st.integers(1, 9)))
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, kernel_height, stride, dilation = draw(window(padding))
    width, kernel_width, _, _ = draw(window(padding))
    width = max(width, (kernel_width - 1) * dilation + 1)
    makers: list[tuple[Callable[..., Any], str]] = [(conv_2d, "filters"), (depthwise_conv_2d, "multiplier")]
    make, size = draw(st.sampled_from(makers))
    shape = (1, height, width, draw(st.integers(1, 5)))
    windows = {"kernel": (kernel_height, kernel_width), "strides": (stride, stride), "dilation": (dilation, dilation)}
    per_channel = draw(st.booleans())
    filters = {size: draw(st.integers(1, 5))}
    return case(make, shape, **common, **windows, **filters, padding=padding, per_channel=per_channel)


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    half = len(some) // 2
    assert_equal(some[:half])
    assert_equal(some[half:], prefer="size", sanitize=True)


@given(st.lists(st.integers(-8, 7), min_size=1, max_size=9))
def test_values_are_read_in_the_files_order(values: list[int]) -> None:
    raw = packed(np.array(values, np.int8))
    assert raw.size == (len(values) + 1) // 2
    assert raw[0] & 15 == values[0] & 15


@pytest.mark.parametrize(
    ("make", "attributes", "why"),
    [
        (fully_connected, {"per_channel": True}, "a scale for each output channel"),
        (conv_2d, {"input_dtype": "int16", "input_zero_point": 0}, "4 bits where its activations have 16"),
    ],
)
def test_what_tflm_refuses_is_refused(make: Any, attributes: dict[str, Any], why: str) -> None:
    with pytest.raises(UnsupportedModel, match=why):
        require_supported(read_graph(single(make, (1, 4, 4, 2), int4=True, **attributes)))


def test_for_the_least_flash_they_stay_packed() -> None:
    graph = read_graph(single(fully_connected, (1, 200), units=40, int4=True))
    fast, small = (make_plan(graph, target("cortex-m4"), optimize) for optimize in ("speed", "size"))
    assert small.steps[0].kernel == "conv_int4" != fast.steps[0].kernel
    assert fast.cost.weights - small.cost.weights > 200 * 40 // 2 - 40
