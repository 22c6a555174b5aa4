"""Recurrent layers that the converter cannot take as loops become int8 models all the same, equal to TFLM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinykit.errors import ModelError
from tinykit.graph.reader import read_graph
from tinykit.learn.backend import keras
from tinykit.learn.convert import to_int8
from tinykit.validate.parity import verify

pytestmark = pytest.mark.train

SAMPLES = np.random.default_rng(0).normal(size=(16, 5, 4)).astype(np.float32)


def model(*layers: Any) -> Any:
    return keras().Sequential([keras().Input(SAMPLES.shape[1:]), *layers, keras().layers.Dense(2)])


def test_a_gru_a_plain_recurrent_layer_and_a_masked_lstm() -> None:
    layers = keras().layers
    built = model(
        layers.Masking(),
        layers.Bidirectional(layers.GRU(3, return_sequences=True)),
        layers.SimpleRNN(4, return_sequences=True),
        layers.LSTM(3, activation="relu"),
    )
    result = verify(to_int8(built, SAMPLES), vectors=16)
    assert result["bit_exact"], result["first_divergent_layer"]
    assert not any(layer.unroll for layer in built.layers if hasattr(layer, "unroll"))


def test_a_plain_lstm_stays_one_operator() -> None:
    graph = read_graph(to_int8(model(keras().layers.LSTM(3)), SAMPLES))
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in {operator.op for operator in graph.operators}


def test_convolutions_in_a_loop_are_named() -> None:
    layers = keras().layers
    built = model(layers.Reshape((5, 4, 1)), layers.ConvLSTM1D(2, 2, name="frames"), layers.Flatten())
    with pytest.raises(ModelError, match=r"'frames' \(ConvLSTM1D\) is a loop"):
        to_int8(built, SAMPLES)
