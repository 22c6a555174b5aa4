"""Kernels for the DSP extension, and for Thumb-2 without it, equal TFLM: portable forms here, all on emulators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, window
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import (
    ModelBuilder,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
)
from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.bench import bench

KINDS: tuple[Callable[..., Any], ...] = (
    conv_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    average_pool_2d,
    add,
)
CORES = ("cortex-m3", "cortex-m4")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any layer that has a DSP kernel."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    height, kernel_height, stride_height, dilation_height = draw(window(padding))
    width, kernel_width, stride_width, dilation_width = draw(window(padding))
    common = {**draw(quantizations()), "activation": draw(activations()), "bias": draw(st.booleans())}
    sliding = {
        "kernel": (kernel_height, kernel_width),
        "strides": (stride_height, stride_width),
        "dilation": (dilation_height, dilation_width),
        "padding": padding,
        "per_channel": draw(st.booleans()),
    }
    kind = draw(st.sampled_from(KINDS))
    channels = draw(st.integers(1, 21))
    if kind is fully_connected:
        return case(kind, (1, 3 * channels), units=draw(st.integers(1, 9)), per_channel=draw(st.booleans()), **common)
    if kind is add:
        return case(kind, (1, height, width, channels), scale=draw(st.sampled_from([None, 0.04, 0.3])))
    if kind is average_pool_2d:
        return case(kind, (1, height, width, channels), window=(height, width), activation=common["activation"])
    shape = (1, height, width, channels)
    if kind is conv_2d:
        return case(kind, shape, filters=draw(st.integers(1, 11)), **sliding, **common)
    same = draw(st.sampled_from([1, 2]))
    return case(kind, shape, **{**sliding, "strides": (same, same)}, **common)


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH), st.sampled_from(CORES))
def test_equals_tflm(some: list[Case], core: str) -> None:
    assert_equal(some, on=core)


SAMPLE = (
    case(conv_2d, (1, 6, 7, 3), filters=7, kernel=(3, 2), strides=(2, 1), input_zero_point=127),
    case(conv_2d, (1, 4, 4, 4), filters=6, dilation=(2, 3), input_zero_point=-128, activation="RELU"),
    case(conv_2d, (1, 5, 5, 21), filters=9, kernel=(1, 1), strides=(2, 2), padding="SAME", activation="RELU6"),
    case(conv_2d, (1, 5, 3, 16), filters=8, kernel=(1, 1), scale=0.01),
    case(depthwise_conv_2d, (1, 7, 9, 11), padding="SAME", input_zero_point=5),
    case(depthwise_conv_2d, (1, 8, 8, 8), strides=(2, 2), padding="SAME", activation="RELU"),
    case(depthwise_conv_2d, (1, 4, 5, 70), padding="SAME", activation="RELU"),
    case(depthwise_conv_2d, (1, 5, 7, 33), strides=(2, 2), input_zero_point=-9),
    case(depthwise_conv_2d, (1, 6, 5, 9), dilation=(2, 1), padding="SAME", activation="RELU"),
    case(depthwise_conv_2d, (1, 5, 6, 8), kernel=(2, 4), dilation=(2, 1), padding="SAME"),
    case(fully_connected, (1, 33), units=7, input_zero_point=127),
    case(fully_connected, (1, 20), units=9, per_channel=True),
    case(add, (1, 3, 3, 5)),
    case(add, (1, 3, 3, 5), scale=0.045, activation="RELU"),
    case(average_pool_2d, (1, 5, 5, 7), window=(5, 5)),
)


@pytest.mark.parametrize("core", CORES)
def test_a_sample_is_clean_under_the_sanitizers(core: str) -> None:
    assert_equal(SAMPLE, sanitize=True, on=core)


@pytest.mark.parametrize("one", SAMPLE, ids=str)
def test_the_sample_takes_the_dsp_kernels(one: Case) -> None:
    steps = make_plan(read_graph(one.model, "m"), target("cortex-m4")).steps
    assert "dsp" in steps[-1].kernel


@st.composite
def depthwise_chains(draw: st.DrawFn) -> Case:
    """A depthwise layer that may take its input's place, and its neighbours; sometimes the input is read again."""
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 13))
    seed = draw(st.integers(0, 1 << 16))
    channels, activation = draw(st.integers(1, 9)), draw(activations())
    model = ModelBuilder(seed)
    x = conv_2d(model, model.input((1, *shape, 3)), filters=channels, kernel=(1, 1), activation=activation)
    zero_point = draw(st.sampled_from([-128, -128, 3]))
    y = depthwise_conv_2d(model, x, padding="SAME", activation="RELU", zero_point=zero_point)
    again = draw(st.booleans())
    label = f"depthwise chain of {shape} x {channels}, {activation}, seed {seed}, read again: {again}"
    return Case(label, model.finish([add(model, x, y) if again else y]))


@many_models
@given(st.lists(depthwise_chains(), min_size=BATCH, max_size=BATCH))
def test_depthwise_layers_in_place_equal_tflm(some: list[Case]) -> None:
    assert_equal(some, on="cortex-m4")


def test_some_depthwise_layers_are_in_place() -> None:
    steps = make_plan(read_graph(chain(), "chain"), target("cortex-m4")).steps
    assert "depthwise_plane_dsp" in {step.kernel for step in steps}


def chain() -> bytes:
    """Layers whose channels do not divide by four, rows of odd length, both strides, outputs of both signs."""
    model = ModelBuilder(3)
    x = conv_2d(model, model.input((1, 15, 13, 3)), filters=11, strides=(2, 1), padding="SAME", activation="RELU")
    x = depthwise_conv_2d(model, x, padding="SAME", activation="RELU", zero_point=-128)
    y = conv_2d(model, depthwise_conv_2d(model, x, padding="SAME", activation="RELU6"), filters=11, kernel=(1, 1))
    x = depthwise_conv_2d(model, add(model, x, y), padding="SAME", strides=(2, 2))
    x = average_pool_2d(model, x, window=(4, 7))
    return model.finish([fully_connected(model, fully_connected(model, x, units=10), units=6, per_channel=True)])


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505"])
def test_equals_tflm_on_emulated_cores(name: str, tmp_path: Path) -> None:
    path = tmp_path / "chain.tflite"
    path.write_bytes(chain())
    result = bench(path, board(name), folder=tmp_path / "firmware")
    assert result["bit_exact"]
    assert sum("dsp" in layer["kernel"] or "thumb2" in layer["kernel"] for layer in result["layers"]) >= 2


def depths() -> bytes:
    """Windows of one pixel with as few and as many products as start the unrolled loop anywhere; strided depthwise."""
    model = ModelBuilder(5)
    outputs = []
    for k, depth in enumerate((1, 2, 3, 5, 31, 33, 35, 66)):
        x = model.input((1, 3, 3, depth), 0.05, -3)
        outputs.append(conv_2d(model, x, filters=6, kernel=(1, 1), activation="RELU" if k % 2 else "NONE"))
    for channels, activation in ((4, "RELU"), (7, "NONE"), (9, "RELU6")):
        x = model.input((1, 7, 6, channels), 0.05, 5)
        y = depthwise_conv_2d(model, x, padding="SAME", strides=(2, 2), activation=activation)
        outputs += [y, depthwise_conv_2d(model, x, strides=(1, 1), activation=activation)]
    return model.finish(outputs)


@pytest.mark.emulated
def test_equals_tflm_for_all_lengths_of_products(tmp_path: Path) -> None:
    path = tmp_path / "depths.tflite"
    path.write_bytes(depths())
    result = bench(path, board("mps2-an386"), folder=tmp_path / "firmware")
    assert result["bit_exact"]
    assert all("dsp" in layer["kernel"] for layer in result["layers"])
