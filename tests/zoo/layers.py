"""Every ordinary Keras layer as a model of its own: converted and kept in `layers.npz`, which `survey.py` judges.

Run from the repository's root, with tensorflow: python -m tests.zoo.layers [--output ARCHIVE.npz] [LAYER ...]
What the converter refuses is kept as what it says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from tests.zoo.make import convert
from tinykit.arrays import read_npz, write_npz
from tinykit.learn.backend import keras

Layer = Callable[[Any, Any], Any]

ARCHIVE = Path(__file__).with_suffix(".npz")
VECTOR, SEQUENCE, IMAGE, VOLUME = (8,), (6, 5), (8, 8, 4), (4, 4, 4, 2)
WORDS = (4,)
"""Of a model that reads numbers of words."""


def _conv_lstm(k: Any, x: Any) -> Any:
    return k.layers.ConvLSTM1D(2, 2)(k.layers.Reshape((3, 2, 5))(x))


def _conv_lstm_2d(k: Any, x: Any) -> Any:
    return k.layers.ConvLSTM2D(2, 2)(k.layers.Reshape((2, 4, 4, 8))(x))


def _masked(k: Any, x: Any) -> Any:
    return k.layers.LSTM(4)(k.layers.Masking()(x))


def _training_only(k: Any, x: Any) -> Any:
    x = k.layers.GaussianNoise(0.1)(k.layers.Dropout(0.1)(x))
    return k.layers.ActivityRegularization()(k.layers.Dense(3)(x))


def _images_in_training_only(k: Any, x: Any) -> Any:
    x = k.layers.RandomZoom(0.1)(k.layers.RandomFlip()(k.layers.SpatialDropout2D(0.1)(x)))
    return k.layers.Conv2D(2, 1)(x)


def _cells(k: Any, x: Any) -> Any:
    cells = [k.layers.GRUCell(4), k.layers.LSTMCell(3)]
    return k.layers.RNN(k.layers.StackedRNNCells(cells), unroll=True)(x)


LAYERS: tuple[tuple[str, tuple[int, ...], Layer], ...] = (
    *(
        (f"Activation({name})", VECTOR, lambda k, x, name=name: k.layers.Activation(name)(x))
        for name in (
            *("relu", "relu6", "elu", "selu", "gelu", "swish", "mish", "softplus", "softsign", "sigmoid", "tanh"),
            *("hard_sigmoid", "exponential", "softmax", "log_softmax", "leaky_relu"),
        )
    ),
    ("Dense", VECTOR, lambda k, x: k.layers.Dense(3)(x)),
    ("Softmax(axis=1)", IMAGE, lambda k, x: k.layers.Softmax(axis=1)(x)),
    ("LeakyReLU", VECTOR, lambda k, x: k.layers.LeakyReLU(0.2)(x)),
    ("PReLU", IMAGE, lambda k, x: k.layers.PReLU()(x)),
    ("ELU", VECTOR, lambda k, x: k.layers.ELU(0.7)(x)),
    ("ThresholdedReLU", VECTOR, lambda k, x: k.layers.ThresholdedReLU()(x)),
    ("ReLU(negative slope, threshold)", VECTOR, lambda k, x: k.layers.ReLU(2.0, 0.1, 0.2)(x)),
    ("Conv1D", SEQUENCE, lambda k, x: k.layers.Conv1D(3, 3)(x)),
    ("SeparableConv1D", SEQUENCE, lambda k, x: k.layers.SeparableConv1D(3, 3)(x)),
    ("DepthwiseConv1D", SEQUENCE, lambda k, x: k.layers.DepthwiseConv1D(3)(x)),
    ("Conv1DTranspose", SEQUENCE, lambda k, x: k.layers.Conv1DTranspose(3, 3, strides=2)(x)),
    ("Conv2D", IMAGE, lambda k, x: k.layers.Conv2D(3, 3, strides=2, activation="relu")(x)),
    ("Conv2D(groups)", IMAGE, lambda k, x: k.layers.Conv2D(4, 3, groups=2)(x)),
    ("Conv2D(dilation)", IMAGE, lambda k, x: k.layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x)),
    ("SeparableConv2D", IMAGE, lambda k, x: k.layers.SeparableConv2D(3, 3)(x)),
    ("DepthwiseConv2D(dilation)", IMAGE, lambda k, x: k.layers.DepthwiseConv2D(3, dilation_rate=2)(x)),
    ("Conv2DTranspose", IMAGE, lambda k, x: k.layers.Conv2DTranspose(3, 3, strides=2)(x)),
    ("Conv3D", VOLUME, lambda k, x: k.layers.Conv3D(2, 2)(x)),
    ("Conv3DTranspose", VOLUME, lambda k, x: k.layers.Conv3DTranspose(2, 2)(x)),
    ("LocallyConnected1D", SEQUENCE, lambda k, x: k.layers.LocallyConnected1D(3, 3)(x)),
    ("LocallyConnected2D", IMAGE, lambda k, x: k.layers.LocallyConnected2D(3, 3)(x)),
    ("MaxPooling1D", SEQUENCE, lambda k, x: k.layers.MaxPooling1D()(x)),
    ("AveragePooling1D", SEQUENCE, lambda k, x: k.layers.AveragePooling1D()(x)),
    ("AveragePooling2D(same)", IMAGE, lambda k, x: k.layers.AveragePooling2D(3, padding="same")(x)),
    ("MaxPooling2D", IMAGE, lambda k, x: k.layers.MaxPooling2D(3, strides=2, padding="same")(x)),
    ("MaxPooling3D", VOLUME, lambda k, x: k.layers.MaxPooling3D()(x)),
    ("AveragePooling3D", VOLUME, lambda k, x: k.layers.AveragePooling3D()(x)),
    ("GlobalMaxPooling1D", SEQUENCE, lambda k, x: k.layers.GlobalMaxPooling1D()(x)),
    ("GlobalMaxPooling2D", IMAGE, lambda k, x: k.layers.GlobalMaxPooling2D()(x)),
    ("GlobalMaxPooling3D", VOLUME, lambda k, x: k.layers.GlobalMaxPooling3D()(x)),
    ("GlobalAveragePooling1D", SEQUENCE, lambda k, x: k.layers.GlobalAveragePooling1D()(x)),
    ("GlobalAveragePooling2D", IMAGE, lambda k, x: k.layers.GlobalAveragePooling2D()(x)),
    ("GlobalAveragePooling3D", VOLUME, lambda k, x: k.layers.GlobalAveragePooling3D()(x)),
    ("BatchNormalization", IMAGE, lambda k, x: k.layers.BatchNormalization()(x)),
    ("LayerNormalization", SEQUENCE, lambda k, x: k.layers.LayerNormalization()(x)),
    ("GroupNormalization", IMAGE, lambda k, x: k.layers.GroupNormalization(2)(x)),
    ("UnitNormalization", SEQUENCE, lambda k, x: k.layers.UnitNormalization()(x)),
    ("Normalization", VECTOR, lambda k, x: k.layers.Normalization(mean=0.1, variance=2.0)(x)),
    ("Rescaling", IMAGE, lambda k, x: k.layers.Rescaling(0.5, 0.1)(x)),
    ("Resizing", IMAGE, lambda k, x: k.layers.Resizing(5, 6)(x)),
    ("CenterCrop", IMAGE, lambda k, x: k.layers.CenterCrop(4, 5)(x)),
    ("UpSampling1D", SEQUENCE, lambda k, x: k.layers.UpSampling1D(2)(x)),
    ("UpSampling2D(nearest)", IMAGE, lambda k, x: k.layers.UpSampling2D(2)(x)),
    ("UpSampling2D(bilinear)", IMAGE, lambda k, x: k.layers.UpSampling2D(2, interpolation="bilinear")(x)),
    ("UpSampling3D", VOLUME, lambda k, x: k.layers.UpSampling3D(2)(x)),
    ("ZeroPadding1D", SEQUENCE, lambda k, x: k.layers.ZeroPadding1D(2)(x)),
    ("ZeroPadding2D", IMAGE, lambda k, x: k.layers.ZeroPadding2D(2)(x)),
    ("ZeroPadding3D", VOLUME, lambda k, x: k.layers.ZeroPadding3D(1)(x)),
    ("Cropping1D", SEQUENCE, lambda k, x: k.layers.Cropping1D(1)(x)),
    ("Cropping2D", IMAGE, lambda k, x: k.layers.Cropping2D(1)(x)),
    ("Cropping3D", VOLUME, lambda k, x: k.layers.Cropping3D(1)(x)),
    ("Flatten, Reshape, Permute", IMAGE, lambda k, x: k.layers.Permute((3, 1, 2))(k.layers.Reshape((8, 4, 8))(x))),
    ("RepeatVector", VECTOR, lambda k, x: k.layers.RepeatVector(3)(x)),
    ("Add, Subtract, Multiply", VECTOR, lambda k, x: k.layers.Multiply()([x, k.layers.Subtract()([x + 1.0, x * x])])),
    ("Average, Maximum, Minimum", VECTOR, lambda k, x: k.layers.Average()([x, k.layers.Maximum()([x, x * 2.0])])),
    ("Dot", SEQUENCE, lambda k, x: k.layers.Dot(axes=2)([x, x])),
    ("Concatenate", SEQUENCE, lambda k, x: k.layers.Concatenate(axis=1)([x, x])),
    ("EinsumDense", SEQUENCE, lambda k, x: k.layers.EinsumDense("abc,cd->abd", output_shape=(None, 4))(x)),
    ("Attention", SEQUENCE, lambda k, x: k.layers.Attention()([x, x])),
    ("AdditiveAttention", SEQUENCE, lambda k, x: k.layers.AdditiveAttention()([x, x])),
    ("MultiHeadAttention", SEQUENCE, lambda k, x: k.layers.MultiHeadAttention(2, 3)(x, x)),
    ("SimpleRNN", SEQUENCE, lambda k, x: k.layers.SimpleRNN(4)(x)),
    ("SimpleRNN(unroll)", SEQUENCE, lambda k, x: k.layers.SimpleRNN(4, unroll=True)(x)),
    ("GRU", SEQUENCE, lambda k, x: k.layers.GRU(4)(x)),
    ("GRU(unroll)", SEQUENCE, lambda k, x: k.layers.GRU(4, unroll=True)(x)),
    ("LSTM", SEQUENCE, lambda k, x: k.layers.LSTM(4)(x)),
    ("LSTM(return_sequences)", SEQUENCE, lambda k, x: k.layers.LSTM(4, return_sequences=True)(x)),
    ("LSTM(unroll)", SEQUENCE, lambda k, x: k.layers.LSTM(4, unroll=True)(x)),
    ("LSTM(relu)", SEQUENCE, lambda k, x: k.layers.LSTM(4, activation="relu")(x)),
    ("Bidirectional(LSTM)", SEQUENCE, lambda k, x: k.layers.Bidirectional(k.layers.LSTM(4))(x)),
    ("Bidirectional(GRU, unroll)", SEQUENCE, lambda k, x: k.layers.Bidirectional(k.layers.GRU(4, unroll=True))(x)),
    ("RNN(StackedRNNCells, unroll)", SEQUENCE, _cells),
    ("ConvLSTM1D", SEQUENCE, _conv_lstm),
    ("ConvLSTM2D", IMAGE, _conv_lstm_2d),
    ("TimeDistributed(Dense)", SEQUENCE, lambda k, x: k.layers.TimeDistributed(k.layers.Dense(3))(x)),
    ("TimeDistributed(Conv2D)", VOLUME, lambda k, x: k.layers.TimeDistributed(k.layers.Conv2D(3, 2))(x)),
    ("Masking", SEQUENCE, lambda k, x: k.layers.Masking()(x)),
    ("Masking, LSTM", SEQUENCE, _masked),
    ("Embedding", WORDS, lambda k, x: k.layers.Embedding(20, 3)(x)),
    ("CategoryEncoding", WORDS, lambda k, x: k.layers.CategoryEncoding(20, "multi_hot")(x)),
    ("IntegerLookup", WORDS, lambda k, x: k.layers.IntegerLookup(vocabulary=[3, 5, 9])(x)),
    ("Dropout, GaussianNoise, ActivityRegularization", VECTOR, _training_only),
    ("SpatialDropout2D, RandomFlip, RandomZoom", IMAGE, _images_in_training_only),
    ("SpectralNormalization(Dense)", VECTOR, lambda k, x: k.layers.SpectralNormalization(k.layers.Dense(3))(x)),
    ("Discretization", VECTOR, lambda k, x: k.layers.Discretization([0.0, 1.0])(x)),
)


def made(build: Layer, shape: tuple[int, ...]) -> Any:
    """The model of one layer, with other biases and statistics than a new layer's zeros and ones."""
    k = keras()
    k.backend.clear_session()
    k.utils.set_random_seed(7)
    inputs = k.Input(shape, dtype="int32" if shape is WORDS else "float32")
    model = k.Model(inputs, build(k, inputs))
    random = np.random.default_rng(7)
    for weight in model.trainable_weights:
        if len(weight.shape) == 1:
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    return model


def converted(build: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """The .tflite as bytes, or the converter's words as text."""
    try:
        return np.frombuffer(convert(made(build, shape)), np.uint8)
    except Exception as error:  # whatever the converter raises is its answer
        return np.array(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def results(numbers: list[int]) -> Iterator[np.ndarray]:
    """What becomes of these layers; a new process goes on after a layer that crashes the converter."""
    context, done = get_context("spawn"), 0
    while done < len(numbers):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(numbers[done:], sender))
        process.start()
        sender.close()
        try:
            while done < len(numbers):
                yield receiver.recv()
                done += 1
        except EOFError:
            process.join()
            yield np.array(f"the converter crashes, status {process.exitcode}")
            done += 1


def _work(numbers: list[int], sender: Connection) -> None:
    for number in numbers:
        _, shape, build = LAYERS[number]
        sender.send(converted(build, shape))


def main() -> None:
    """Convert all, or those that are named, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="LAYER")
    parser.add_argument("--output", type=Path, default=ARCHIVE)
    asked = parser.parse_args()
    numbers = [k for k, (name, _, _) in enumerate(LAYERS) if name in asked.names or not asked.names]
    kept = read_npz(asked.output) if asked.names else {}
    for number, result in zip(numbers, results(numbers), strict=True):
        name = LAYERS[number][0]
        kept[name] = result
        print(f"{name}: {f'{result.size} bytes' if result.ndim else result}", flush=True)
    write_npz(asked.output, **kept)


if __name__ == "__main__":
    main()
