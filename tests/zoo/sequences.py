"""Models of the zoo that read sequences or several inputs; weights are tiny and random."""

from __future__ import annotations

from typing import Any

from tinykit.learn.backend import keras, tensorflow

WORDS = 20
"""Vocabulary of the models that look words up."""


def lstm() -> Any:
    """An LSTM, which the converter fuses into one operator."""
    k = keras()
    x = inputs = k.Input((8, 6))
    return k.Model(inputs, k.layers.Dense(3, activation="softmax")(k.layers.LSTM(10)(x)))


def unrolled_lstm() -> Any:
    """The same, step by step."""
    k = keras()
    x = inputs = k.Input((4, 6))
    return k.Model(inputs, k.layers.Dense(3)(k.layers.LSTM(6, unroll=True)(x)))


def bidirectional_lstm() -> Any:
    """Forwards and backwards, every step's state kept."""
    k = keras()
    x = inputs = k.Input((6, 5))
    x = k.layers.Bidirectional(k.layers.LSTM(6, return_sequences=True))(x)
    return k.Model(inputs, k.layers.Dense(4)(k.layers.GlobalAveragePooling1D()(x)))


def gru() -> Any:
    """Two GRUs, unrolled."""
    k = keras()
    x = inputs = k.Input((4, 5))
    x = k.layers.GRU(6, unroll=True, return_sequences=True)(x)
    return k.Model(inputs, k.layers.Dense(3)(k.layers.GRU(5, unroll=True)(x)))


def simple_rnn() -> Any:
    """A plain recurrent layer, unrolled."""
    k = keras()
    x = inputs = k.Input((5, 4))
    return k.Model(inputs, k.layers.Dense(2, activation="sigmoid")(k.layers.SimpleRNN(6, unroll=True)(x)))


def svdf() -> Any:
    """As SVDF does it, over a whole sequence: features per frame, then a filter over time per feature."""
    k = keras()
    x = inputs = k.Input((16, 10))
    for filters in (8, 6):
        x = k.layers.Dense(filters, use_bias=False)(x)
        x = k.layers.Reshape((-1, 1, filters))(x)
        x = k.layers.ReLU()(k.layers.DepthwiseConv2D((4, 1))(x))
        x = k.layers.Reshape((-1, filters))(x)
    return k.Model(inputs, k.layers.Dense(4, activation="softmax")(k.layers.Flatten()(x)))


def transformer() -> Any:
    """An encoder block: attention of two heads, layer normalization, GELU."""
    k = keras()
    x = inputs = k.Input((8, 12))
    y = k.layers.MultiHeadAttention(num_heads=2, key_dim=6)(x, x)
    x = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    y = k.layers.Dense(12)(k.layers.Dense(24, activation="gelu")(x))
    x = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    return k.Model(inputs, k.layers.Dense(3, activation="softmax")(k.layers.GlobalAveragePooling1D()(x)))


def decoder_step() -> Any:
    """One word and its context in, scores of the next word out: embedding, attention over the context."""
    k = keras()
    word, context = k.Input((1,), dtype="int32", name="word"), k.Input((6, 8), name="context")
    x = k.layers.Embedding(WORDS, 8)(word)
    y = k.layers.MultiHeadAttention(num_heads=1, key_dim=8)(x, context)
    x = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    return k.Model([word, context], k.layers.Dense(WORDS)(k.layers.Flatten()(x)))


def fusion() -> Any:
    """An image, a signal and readings, each through its own layers, joined."""
    k = keras()
    image, signal, readings = k.Input((8, 8, 1), name="image"), k.Input((16, 3), name="signal"), k.Input((4,), name="r")
    a = k.layers.Flatten()(k.layers.MaxPooling2D()(k.layers.Conv2D(4, 3, activation="relu")(image)))
    b = k.layers.GlobalAveragePooling1D()(k.layers.Conv1D(6, 3, activation="relu")(signal))
    c = k.layers.Dense(5, activation="relu")(readings)
    x = k.layers.Dense(8, activation="relu")(k.layers.Concatenate()([a, b, c]))
    return k.Model([image, signal, readings], k.layers.Dense(2, activation="softmax")(x))


def heads() -> Any:
    """One trunk, three answers: a class, a box, a mask."""
    k = keras()
    x = inputs = k.Input((12, 12, 2))
    x = k.layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    y = k.layers.GlobalMaxPooling2D()(x)
    mask = k.layers.UpSampling2D()(k.layers.Conv2D(1, 3, strides=2, padding="same", activation="sigmoid")(x))
    return k.Model(inputs, [k.layers.Dense(3, activation="softmax")(y), k.layers.Dense(4)(y), mask])


def normalized_features() -> Any:
    """Arithmetic as feature extraction writes it: differences, statistics over axes, unit length."""
    k, tf = keras(), tensorflow()
    x = inputs = k.Input((10, 6))
    centered = x - tf.reduce_mean(x, axis=1, keepdims=True)
    spread = tf.math.sqrt(tf.reduce_mean(tf.square(centered), axis=1) + 0.01)
    peak = tf.reduce_max(x, axis=1) - tf.reduce_min(x, axis=1)
    x = tf.math.l2_normalize(tf.concat([spread, tf.abs(peak), centered[:, 0], centered[:, -1]], axis=-1), axis=-1)
    return k.Model(inputs, k.layers.Dense(3)(x))
