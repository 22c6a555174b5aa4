"""Channels that can never change are found, dropped and folded, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.graph.proof import assert_equals_judge, prove
from tests.support.models import (
    ModelBuilder,
    Value,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    max_pool_2d,
    mean,
    relu,
    reshape,
    softmax,
)
from tinykit.graph.intervals import analyse
from tinykit.graph.model import Graph
from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph
from tinykit.validate.judge import Judge
from tinykit.validate.vectors import vectors

pytest.importorskip("tflite_micro", reason='the judge is not installed: pip install "tinykit[verify]"')

DOWN, UP = -(1 << 24), 1 << 24
"""Biases that push a channel below or above its clamp whatever the input is."""


def dead(model: ModelBuilder, x: Value, channels: list[int], push: int = DOWN) -> Value:
    """Make channels of the layer just added constant by their biases."""
    record = model._operators[-1]
    buffer = model._buffers[model._tensors[record.inputs[2]].buffer]
    bias = np.frombuffer(buffer.data.tobytes(), np.int32).copy()
    bias[channels] = push
    buffer.data = np.frombuffer(bias.tobytes(), np.uint8)
    return x


def half_dead(model: ModelBuilder, x: Value, push: int = DOWN, **attributes: object) -> Value:
    """A 1 x 1 convolution to 6 channels of which 1, 3 and 4 are constant: the zero point, or 127 where pushed up."""
    return dead(model, conv_2d(model, x, filters=6, kernel=(1, 1), activation="RELU", **attributes), [1, 3, 4], push)  # type: ignore[arg-type]


def proved(network: Callable[[ModelBuilder, Value], Value], shape: tuple[int, ...] = (1, 5, 4, 3)) -> Graph:
    model = ModelBuilder(3)
    return prove(model.finish([network(model, model.input(shape))]))[1]


def kept(graph: Graph, position: int) -> tuple[int, ...] | None:
    return graph.tensor(graph.operators[position].outputs[0]).kept


@pytest.mark.parametrize("push", [DOWN, UP])
def test_constants_fold_into_an_unpadded_convolution(push: int) -> None:
    after = proved(lambda m, x: conv_2d(m, half_dead(m, x, push), padding="VALID"))
    assert kept(after, 0) == (0, 2, 5)
    assert after.tensor(after.operators[1].inputs[1]).shape == (4, 3, 3, 3)


def test_constants_fold_where_there_was_no_bias() -> None:
    after = proved(lambda m, x: conv_2d(m, half_dead(m, x, UP), padding="VALID", bias=False))
    assert kept(after, 0) == (0, 2, 5)
    assert len(after.operators[1].inputs) == 3


def test_a_padded_convolution_takes_only_the_zero_point() -> None:
    assert kept(proved(lambda m, x: conv_2d(m, half_dead(m, x, DOWN))), 0) == (0, 2, 5)
    assert kept(proved(lambda m, x: conv_2d(m, half_dead(m, x, UP))), 0) is None


def test_padding_that_no_window_reaches_does_not_matter() -> None:
    after = proved(lambda m, x: conv_2d(m, half_dead(m, x, UP), kernel=(1, 1), padding="SAME"))
    assert kept(after, 0) == (0, 2, 5)


def test_constants_pass_through_depthwise_pooling_and_mean() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        x = half_dead(m, x)
        x = depthwise_conv_2d(m, x, multiplier=1)
        x = average_pool_2d(m, max_pool_2d(m, x, window=(2, 2), strides=(1, 1)), window=(2, 2), strides=(1, 1))
        return fully_connected(m, mean(m, x))

    after = proved(network)
    assert [kept(after, i) for i in range(5)] == [(0, 2, 5)] * 5


def test_a_padded_depthwise_keeps_what_its_border_changes() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        return fully_connected(m, mean(m, depthwise_conv_2d(m, half_dead(m, x, UP))))

    after = proved(network)
    assert kept(after, 0) is None
    assert kept(after, 1) is None


def test_a_dead_depthwise_output_takes_its_input_along() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        x = conv_2d(m, x, filters=5, kernel=(1, 1))
        x = dead(m, depthwise_conv_2d(m, x, activation="RELU"), [2])
        return conv_2d(m, x, padding="VALID")

    after = proved(network)
    assert kept(after, 0) == kept(after, 1) == (0, 1, 3, 4)


def test_a_depth_multiplier_goes_only_as_a_whole() -> None:
    def network(dead_outputs: list[int]) -> Callable[[ModelBuilder, Value], Value]:
        def build(m: ModelBuilder, x: Value) -> Value:
            x = dead(m, depthwise_conv_2d(m, conv_2d(m, x), multiplier=2, activation="RELU"), dead_outputs)
            return conv_2d(m, x, padding="VALID")

        return build

    assert kept(proved(network([2, 3, 5])), 0) == (0, 2, 3)
    assert kept(proved(network([2, 5])), 0) is None


def test_constants_fold_into_a_dense_layer_behind_a_reshape() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        return softmax(m, fully_connected(m, reshape(m, half_dead(m, x, UP), shape=(1, 5 * 4 * 6))))

    after = proved(network)
    assert kept(after, 0) == (0, 2, 5)
    assert after.tensor(after.operators[2].inputs[1]).shape == (4, 5 * 4 * 3)


def test_a_dense_layer_with_a_weights_zero_point_folds_too() -> None:
    after = proved(lambda m, x: fully_connected(m, half_dead(m, x, UP), weights_zero_point=7))
    assert kept(after, 0) == (0, 2, 5)


def test_an_add_keeps_channels_unless_its_own_output_is_constant() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        return conv_2d(m, add(m, half_dead(m, x), conv_2d(m, x, filters=6)), padding="VALID")

    after = proved(network)
    assert [kept(after, i) for i in range(3)] == [None] * 3


def test_an_add_of_constants_goes_with_its_operands() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        return conv_2d(m, add(m, half_dead(m, x), half_dead(m, x, UP)), padding="VALID")

    after = proved(network)
    assert [kept(after, i) for i in range(3)] == [(0, 2, 5)] * 3


def test_an_add_slices_its_constant_operand() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        return conv_2d(m, add(m, half_dead(m, x), shape=(6,), constant=True), padding="VALID")

    after = proved(network)
    assert kept(after, 0) == kept(after, 1) == (0, 2, 5)


def test_channels_with_zero_weights_are_dropped_though_they_vary() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        x = conv_2d(m, x, filters=3)
        y = conv_2d(m, x)
        buffer = m._buffers[m._tensors[m._operators[-1].inputs[1]].buffer]
        weights = np.frombuffer(buffer.data.tobytes(), np.int8).reshape(4, 3, 3, 3).copy()
        weights[..., 1] = 0
        buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
        return y

    assert kept(proved(network), 0) == (0, 2)


def test_outputs_of_the_model_stay_whole() -> None:
    assert kept(proved(half_dead), 0) is None


def test_a_tensor_that_is_also_an_output_stays_whole() -> None:
    model = ModelBuilder(3)
    x = half_dead(model, model.input((1, 5, 4, 3)))
    _, after = prove(model.finish([x, conv_2d(model, x, padding="VALID")]))
    assert kept(after, 0) is None


def test_grouped_convolutions_are_left_alone() -> None:
    after = proved(lambda m, x: conv_2d(m, half_dead(m, x), groups=2, filters=4, padding="VALID"))
    assert kept(after, 0) is None


def test_a_wholly_constant_layer_keeps_one_channel() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        x = dead(m, conv_2d(m, x, filters=3, activation="RELU"), [0, 1, 2])
        return conv_2d(m, relu(m, x), padding="VALID")

    assert kept(proved(network), 0) == (0,)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["kws01", "ic01", "ad01", "vww01"])
def test_bounds_hold_on_real_models(shared: Path, name: str) -> None:
    model = (shared / "models" / f"{name}_int8.tflite").read_bytes()
    graph = read_graph(model)
    intervals = analyse(graph)
    batch = vectors(graph, 8, 5)[0]
    with Judge(model) as judge:
        for x in batch:
            for index, value in judge.tensors([x]).items():
                bounds = intervals[index]
                rows = value.reshape(-1, value.shape[-1])
                assert (rows >= bounds.low).all() and (rows <= bounds.high).all(), graph.tensor(index).name


def macs(graph: Graph) -> int:
    """Multiply-accumulates of convolutions and dense layers, padded taps included."""
    total = 0
    for operator in graph.operators:
        if operator.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights, y = graph.tensor(operator.inputs[1]), graph.tensor(operator.outputs[0])
            outputs = weights.shape[3] if operator.op == "DEPTHWISE_CONV_2D" else weights.shape[0]
            total += y.elements * weights.elements // outputs
    return total


@pytest.mark.shared
def test_half_of_vww01_goes(shared: Path) -> None:
    model = (shared / "models" / "vww01_int8.tflite").read_bytes()
    graph = read_graph(model)
    after = rewrite(graph)
    assert (macs(graph), macs(after)) == (7_489_664, 3_727_313)
    x = vectors(graph, 1, 2)[0][0]
    with Judge(model) as judge:
        assert assert_equals_judge(after, judge.tensors([x]), [x]) > 25
