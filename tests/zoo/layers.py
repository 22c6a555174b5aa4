"""Converts every ordinary Keras layer once and says what of the results tinykit does not compile.

Run from the repository's root, with tensorflow: python -m tests.zoo.layers
It is how the table of unsupported operators in docs/operators.md was found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.zoo.make import convert
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems
from tinykit.learn.backend import keras

Layer = Callable[[Any, Any], Any]

VECTOR, SEQUENCE, IMAGE, VOLUME = (8,), (6, 5), (8, 8, 4), (4, 4, 4, 2)


def _conv_lstm(k: Any, x: Any) -> Any:
    x = k.layers.Reshape((3, 2, 5))(x)
    return k.layers.ConvLSTM1D(2, 2, unroll=True)(x)


LAYERS: tuple[tuple[str, tuple[int, ...], Layer], ...] = (
    *(
        (f"Activation({name})", VECTOR, lambda k, x, name=name: k.layers.Activation(name)(x))
        for name in (
            *("relu", "relu6", "elu", "selu", "gelu", "swish", "mish", "softplus", "softsign", "sigmoid", "tanh"),
            *("hard_sigmoid", "exponential", "softmax", "log_softmax", "leaky_relu"),
        )
    ),
    ("LeakyReLU", VECTOR, lambda k, x: k.layers.LeakyReLU(0.2)(x)),
    ("PReLU", IMAGE, lambda k, x: k.layers.PReLU()(x)),
    ("ELU", VECTOR, lambda k, x: k.layers.ELU(0.7)(x)),
    ("ThresholdedReLU", VECTOR, lambda k, x: k.layers.ThresholdedReLU()(x)),
    ("ReLU(negative slope, threshold)", VECTOR, lambda k, x: k.layers.ReLU(2.0, 0.1, 0.2)(x)),
    ("Conv1D", SEQUENCE, lambda k, x: k.layers.Conv1D(3, 3)(x)),
    ("SeparableConv1D", SEQUENCE, lambda k, x: k.layers.SeparableConv1D(3, 3)(x)),
    ("DepthwiseConv1D", SEQUENCE, lambda k, x: k.layers.DepthwiseConv1D(3)(x)),
    ("Conv1DTranspose", SEQUENCE, lambda k, x: k.layers.Conv1DTranspose(3, 3, strides=2)(x)),
    ("Conv2D(groups)", IMAGE, lambda k, x: k.layers.Conv2D(4, 3, groups=2)(x)),
    ("Conv2D(dilation)", IMAGE, lambda k, x: k.layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x)),
    ("SeparableConv2D", IMAGE, lambda k, x: k.layers.SeparableConv2D(3, 3)(x)),
    ("DepthwiseConv2D(dilation)", IMAGE, lambda k, x: k.layers.DepthwiseConv2D(3, dilation_rate=2)(x)),
    ("Conv2DTranspose", IMAGE, lambda k, x: k.layers.Conv2DTranspose(3, 3, strides=2)(x)),
    ("Conv3D", VOLUME, lambda k, x: k.layers.Conv3D(2, 2)(x)),
    ("Conv3DTranspose", VOLUME, lambda k, x: k.layers.Conv3DTranspose(2, 2)(x)),
    ("LocallyConnected1D", SEQUENCE, lambda k, x: k.layers.LocallyConnected1D(3, 3)(x)),
    ("MaxPooling1D", SEQUENCE, lambda k, x: k.layers.MaxPooling1D()(x)),
    ("AveragePooling1D", SEQUENCE, lambda k, x: k.layers.AveragePooling1D()(x)),
    ("AveragePooling2D(same)", IMAGE, lambda k, x: k.layers.AveragePooling2D(3, padding="same")(x)),
    ("MaxPooling3D", VOLUME, lambda k, x: k.layers.MaxPooling3D()(x)),
    ("AveragePooling3D", VOLUME, lambda k, x: k.layers.AveragePooling3D()(x)),
    ("GlobalMaxPooling1D", SEQUENCE, lambda k, x: k.layers.GlobalMaxPooling1D()(x)),
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
    ("ConvLSTM1D(unrolled)", SEQUENCE, _conv_lstm),
    ("TimeDistributed(Dense)", SEQUENCE, lambda k, x: k.layers.TimeDistributed(k.layers.Dense(3))(x)),
    ("Masking", SEQUENCE, lambda k, x: k.layers.Masking()(x)),
    ("Discretization", VECTOR, lambda k, x: k.layers.Discretization([0.0, 1.0])(x)),
)


def main() -> None:
    """Convert all and print what is not compiled."""
    k = keras()
    for name, shape, layer in LAYERS:
        k.backend.clear_session()
        inputs = k.Input(shape)
        try:
            graph = read_graph(convert(k.Model(inputs, layer(k, inputs))))
        except Exception as error:  # whatever the converter raises is its answer
            print(f"{name}: not converted: {type(error).__name__} {' '.join(str(error).split())[:200]}", flush=True)
            continue
        found = "; ".join(sorted({f"{p.op}: {p.why}" for p in problems(graph)}))
        print(f"{name}: {found or 'compiled'} ({', '.join(sorted({o.op for o in graph.operators}))})", flush=True)


if __name__ == "__main__":
    main()
