"""Kernels for Helium (MVE) equal TFLM: portable forms here, the instructions on an emulated Cortex-M55."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, window
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, add, average_pool_2d, conv_2d, depthwise_conv_2d, fully_connected
from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.kernels.elementwise_mve import find_constants
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.bench import bench

CORE = "cortex-m55"

KINDS: list[Callable[..., Any]] = [
    *(conv_2d, conv_2d, depthwise_conv_2d, depthwise_conv_2d),
    *(fully_connected, average_pool_2d, add),
]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any layer that has a kernel for Helium."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    common = {**draw(quantizations()), "activation": draw(activations()), "bias": draw(st.booleans())}
    kind = draw(st.sampled_from(KINDS))
    channels = draw(st.integers(1, 40))
    per_channel = draw(st.booleans())
    height, kernel_height, stride_height, dilation_height = draw(window(padding))
    width, kernel_width, stride_width, dilation_width = draw(window(padding))
    if kind is fully_connected:
        return case(kind, (1, 7 * channels), units=draw(st.integers(4, 17)), per_channel=per_channel, **common)
    if kind is add:
        return case(kind, (1, height, width, channels), scale=draw(st.sampled_from([None, 0.04, 0.3])))
    if kind is average_pool_2d:
        return case(kind, (1, height, width, channels), window=(height, width), activation=common["activation"])
    sliding = {"padding": padding, "per_channel": per_channel, **common}
    if kind is depthwise_conv_2d:
        size = draw(st.integers(3, 9)), draw(st.integers(4, 11))
        strides = (draw(st.sampled_from([1, 1, 2])),) * 2
        return case(kind, (1, *size, channels), kernel=(3, 3), strides=strides, **sliding)
    return case(
        kind,
        (1, height, width, channels),
        filters=draw(st.integers(4, 13)),
        kernel=(kernel_height, kernel_width),
        strides=(stride_height, stride_width),
        dilation=(dilation_height, dilation_width),
        **sliding,
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some, on=CORE)


SAMPLE = (
    case(conv_2d, (1, 6, 7, 3), filters=7, kernel=(3, 2), strides=(2, 1), input_zero_point=127),
    case(conv_2d, (1, 9, 10, 1), filters=8, kernel=(5, 4), strides=(2, 2), padding="SAME", input_zero_point=83),
    case(conv_2d, (1, 5, 6, 5), filters=5, kernel=(3, 2), dilation=(2, 1), padding="SAME", activation="RELU"),
    case(conv_2d, (1, 4, 8, 17), filters=6, kernel=(3, 3), input_zero_point=-128, activation="RELU"),
    case(conv_2d, (1, 5, 5, 4), filters=9, kernel=(3, 3), dilation=(2, 2), activation="RELU6"),
    case(conv_2d, (1, 5, 3, 260), filters=8, kernel=(1, 1), scale=0.2),
    case(conv_2d, (1, 3, 4, 37), filters=6, kernel=(1, 1)),
    case(depthwise_conv_2d, (1, 7, 9, 11), padding="SAME", input_zero_point=5),
    case(depthwise_conv_2d, (1, 8, 8, 8), strides=(2, 2), padding="SAME", activation="RELU"),
    case(depthwise_conv_2d, (1, 3, 6, 5), activation="RELU6"),
    case(fully_connected, (1, 33), units=7, input_zero_point=127),
    case(fully_connected, (1, 500), units=16, per_channel=True),
    case(add, (1, 3, 3, 5)),
    case(add, (1, 3, 3, 5), scale=0.045, activation="RELU"),
    case(average_pool_2d, (1, 5, 5, 19), window=(5, 5)),
)


@pytest.mark.parametrize("prefer", ["speed", "size"])
def test_a_sample_is_clean_under_the_sanitizers(prefer: str) -> None:
    assert_equal(SAMPLE, sanitize=True, on=CORE, prefer=prefer)


@pytest.mark.parametrize("one", SAMPLE, ids=str)
def test_the_sample_takes_the_kernels(one: Case) -> None:
    steps = make_plan(read_graph(one.model, "m"), target(CORE)).steps
    assert "mve" in steps[-1].kernel


def test_the_constants_of_add_are_found_for_common_scales() -> None:
    draw = np.random.default_rng(5)
    found = 0
    for _ in range(20):
        scales = (*(0.05 * 2.0 ** draw.uniform(-2, 2, 2)), 0.08 * 2.0 ** draw.uniform(-1, 1))
        points = tuple(int(z) for z in draw.integers(-128, 128, 3))
        found += find_constants((scales[0], scales[1], scales[2]), points) is not None
    assert found >= 18


def layers(seed: int) -> Iterator[tuple[Callable[..., Any], tuple[int, ...], dict[str, Any]]]:
    """Layers of all kinds; two of each kind of kernel take every path of the assembly's conditions over the seeds."""
    draw = random.Random(seed)
    for _ in range(4):
        kernel, padding = draw.choice([1, 2, 3, 5]), draw.choice(["SAME", "VALID"])
        shape = (draw.randint(kernel, 9), draw.randint(kernel, 12), draw.choice([1, 3, 8, 16, 17, 40]))
        attributes = {"filters": draw.randint(4, 21), "kernel": (kernel, kernel), "padding": padding}
        yield conv_2d, shape, attributes | {"strides": (draw.randint(1, 2),) * 2, "dilation": (1, 1)}
        shape = (draw.randint(3, 9), draw.randint(4, 13), draw.choice([4, 5, 16, 17, 33]))
        attributes = {"kernel": (3, 3), "padding": padding, "strides": (draw.choice([1, 1, 2]),) * 2}
        yield depthwise_conv_2d, shape, attributes
        depth = draw.choice([3, 16, 100, 260, 640])
        yield fully_connected, (1, 1, depth), {"units": draw.choice([4, 8, 13, 16]), "per_channel": draw.random() < 0.3}
    yield add, (3, 5, 7), {}
    yield add, (1, 1, 33), {"scale": 0.04}
    yield average_pool_2d, (5, 5, 37), {"window": (5, 5)}


def branches(seed: int) -> bytes:
    """One model of many inputs, each of which goes through one layer to an output: one firmware for all."""
    model, draw = ModelBuilder(seed), random.Random(seed)
    outputs = []
    for layer, shape, attributes in layers(seed):
        x = model.input((1, *shape), 0.05, draw.choice([-128, -3, 0, 127]))
        outputs.append(layer(model, x, activation=draw.choice(["NONE", "RELU", "RELU6"]), **attributes))
    return model.finish(outputs)


@pytest.mark.emulated
@pytest.mark.parametrize("seed", range(3))
def test_equals_tflm_on_the_emulated_core_near_the_forecast(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "branches.tflite"
    path.write_bytes(branches(seed))
    chosen = board("mps3-an547")
    result = bench(path, chosen, folder=tmp_path / "firmware")
    assert result["bit_exact"]
    assert sum("mve" in layer["kernel"] for layer in result["layers"]) >= 12
    forecast = make_plan(read_graph(path), chosen.target).cost
    assert forecast.instructions == pytest.approx(result["instructions"], rel=0.25)
