"""Channels that are equal for every input are computed once, and no byte changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.graph.proof import prove
from tests.support.models import (
    ModelBuilder,
    Value,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    mean,
    relu,
    reshape,
)
from tinykit.graph.model import Graph

pytest.importorskip("tflite_micro", reason='the judge is not installed: pip install "tinykit[verify]"')

TWINS = [(1, 3), (1, 4)]
"""Of six channels the fourth and the fifth are made like the second."""


def change(model: ModelBuilder, which: int, dtype: type, edit: Callable[[np.ndarray], object]) -> None:
    """Edit a constant of the layer just added, its values flat."""
    buffer = model._buffers[model._tensors[model._operators[-1].inputs[which]].buffer]
    values: np.ndarray = np.frombuffer(buffer.data.tobytes(), dtype).copy()
    edit(values)
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)


def alike(model: ModelBuilder, x: Value, *, axis: int = 0) -> Value:
    """Make channels of the layer just added (six of one scale) equal, as TWINS says."""

    def weights(values: np.ndarray) -> None:
        rows = values.reshape(6, -1) if axis == 0 else values.reshape(-1, 6).T
        for first, twin in TWINS:
            rows[twin] = rows[first]

    def bias(values: np.ndarray) -> None:
        values[[twin for _, twin in TWINS]] = values[TWINS[0][0]]

    change(model, 1, np.int8, weights)
    change(model, 2, np.int32, bias)
    return x


def twins(model: ModelBuilder, x: Value) -> Value:
    """A convolution of six channels, three of them equal."""
    return alike(model, conv_2d(model, x, filters=6, kernel=(1, 1), per_channel=False, activation="RELU"))


def small(model: ModelBuilder, x: Value) -> Value:
    """Make the weights of the layer just added so small that sums of three fit."""
    change(model, 1, np.int8, lambda values: np.floor_divide(values, 4, out=values))
    return x


def proved(network: Callable[[ModelBuilder, Value], Value]) -> Graph:
    model = ModelBuilder(4)
    return prove(model.finish([network(model, model.input((1, 5, 4, 3)))]))[1]


def kept(graph: Graph) -> list[tuple[int, ...] | None]:
    return [graph.tensor(o.outputs[0]).kept for o in graph.operators]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_convolution_reads_the_first_of_equal_channels(padding: str) -> None:
    after = proved(lambda m, x: small(m, conv_2d(m, twins(m, x), padding=padding)))
    assert kept(after) == [(0, 1, 2, 5), None]
    assert after.tensor(after.operators[1].inputs[1]).shape[-1] == 4


def test_a_dense_layer_with_a_weights_zero_point_too() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        flat = reshape(m, twins(m, x), shape=(1, 5 * 4 * 6))
        y = fully_connected(m, flat, weights_zero_point=3)
        change(m, 1, np.int8, lambda values: np.clip(values, -20, 20, out=values))
        return y

    after = proved(network)
    assert kept(after)[0] == (0, 1, 2, 5)


def test_they_stay_equal_through_layers_that_treat_channels_alike() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        y = alike(m, depthwise_conv_2d(m, twins(m, x), per_channel=False, padding="SAME"), axis=1)
        y = average_pool_2d(m, relu(m, y), window=(2, 2), strides=(1, 1))
        return small(m, fully_connected(m, mean(m, add(m, y, y))))

    *inner, last = kept(proved(network))
    assert all(channels is not None and {3, 4}.isdisjoint(channels) for channels in inner)
    assert last is None


def test_a_depthwise_layer_can_tell_them_apart() -> None:
    after = proved(lambda m, x: small(m, conv_2d(m, depthwise_conv_2d(m, twins(m, x)))))
    assert kept(after) == [None] * 3


def test_a_sum_that_leaves_int8_keeps_its_channel() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        y = small(m, conv_2d(m, twins(m, x)))

        def edit(values: np.ndarray) -> None:
            values.reshape(4, 9, 6)[2, 5, [1, 3]] = 100

        change(m, 1, np.int8, edit)
        return y

    assert kept(proved(network)) == [(0, 1, 2, 3, 5), None]


def test_scales_and_biases_must_be_equal_too() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        y = twins(m, x)
        change(m, 2, np.int32, lambda values: values.__setitem__(3, values[3] + 1))
        return small(m, conv_2d(m, y))

    assert kept(proved(network)) == [(0, 1, 2, 3, 5), None]


def test_the_models_outputs_stay_whole() -> None:
    assert kept(proved(twins)) == [None]
