"""Models of the zoo that see images, spectra or windows of a signal; weights are tiny and random."""

from __future__ import annotations

from typing import Any

from tinykit.learn.backend import keras


def ds_cnn() -> Any:
    """Keyword spotting: a wide first window, then depthwise separable blocks."""
    k = keras()
    x = inputs = k.Input((25, 10, 1))
    x = _convolution(x, 16, (10, 4), strides=2)
    for _ in range(3):
        x = _separable(x, 16)
    return k.Model(inputs, k.layers.Dense(12, activation="softmax")(k.layers.GlobalAveragePooling2D()(x)))


def mobilenet_v1() -> Any:
    """Depthwise separable blocks that halve the image."""
    k = keras()
    x = inputs = k.Input((24, 24, 3))
    x = _convolution(x, 8, 3, strides=2, activation="relu6")
    for filters, strides in ((8, 1), (16, 2), (16, 1), (24, 2)):
        x = _separable(x, filters, strides, "relu6")
    return k.Model(inputs, k.layers.Dense(2, activation="softmax")(k.layers.GlobalAveragePooling2D()(x)))


def mobilenet_v2() -> Any:
    """Inverted residuals with linear bottlenecks."""
    k = keras()
    x = inputs = k.Input((24, 24, 3))
    x = _convolution(x, 8, 3, strides=2, activation="relu6")
    for filters, strides in ((8, 1), (12, 2), (12, 1)):
        x = _inverted(x, filters, strides, "relu6", squeeze=False)
    x = k.layers.GlobalAveragePooling2D()(_convolution(x, 24, 1, activation="relu6"))
    return k.Model(inputs, k.layers.Dense(5, activation="softmax")(x))


def mobilenet_v3() -> Any:
    """V3-small blocks: squeeze-and-excite with a hard sigmoid, hard-swish."""
    k = keras()
    x = inputs = k.Input((24, 24, 3))
    x = _convolution(x, 8, 3, strides=2, activation="hard_swish")
    for filters, strides, activation in ((8, 2, "relu"), (12, 1, "hard_swish"), (12, 1, "hard_swish")):
        x = _inverted(x, filters, strides, activation, squeeze=True)
    x = k.layers.GlobalAveragePooling2D(keepdims=True)(_convolution(x, 24, 1, activation="hard_swish"))
    x = _activation(k.layers.Conv2D(32, 1)(x), "hard_swish")
    return k.Model(inputs, k.layers.Softmax()(k.layers.Flatten()(k.layers.Conv2D(6, 1)(x))))


def resnet() -> Any:
    """Residual blocks, with a projection where the shape changes."""
    k = keras()
    x = inputs = k.Input((16, 16, 3))
    x = _convolution(x, 8, 3)
    for filters, strides in ((8, 1), (12, 2)):
        shortcut = x if strides == 1 else k.layers.Conv2D(filters, 1, strides=strides)(x)
        y = _convolution(_convolution(x, filters, 3, strides=strides), filters, 3, activation=None)
        x = k.layers.ReLU()(k.layers.Add()([shortcut, y]))
    x = k.layers.Flatten()(k.layers.AveragePooling2D(8)(x))
    return k.Model(inputs, k.layers.Dense(10, activation="softmax")(x))


def unet() -> Any:
    """Down, across and up again by transpose convolutions and by upsampling, joined by concatenation."""
    k = keras()
    inputs = k.Input((16, 16, 1))
    top = _convolution(inputs, 6, 3)
    middle = _convolution(k.layers.MaxPooling2D()(top), 8, 3)
    bottom = _convolution(k.layers.MaxPooling2D()(middle), 12, 3)
    up = k.layers.Conv2DTranspose(8, 2, strides=2, padding="same")(bottom)
    up = _convolution(k.layers.Concatenate()([up, middle]), 8, 3)
    up = k.layers.UpSampling2D(interpolation="bilinear")(up)
    up = _convolution(k.layers.Concatenate()([up, top]), 6, 3)
    return k.Model(inputs, k.layers.Conv2D(1, 1, activation="sigmoid")(up))


def dense_autoencoder() -> Any:
    """Anomaly detection: dense layers through a bottleneck."""
    k = keras()
    x = inputs = k.Input((64,))
    for units in (32, 32, 4, 32, 32):
        x = k.layers.ReLU()(k.layers.BatchNormalization()(k.layers.Dense(units)(x)))
    return k.Model(inputs, k.layers.Dense(64)(x))


def convolutional_autoencoder() -> Any:
    """Strided convolutions down, transpose convolutions up."""
    k = keras()
    x = inputs = k.Input((16, 12, 1))
    x = _convolution(_convolution(x, 6, 3, strides=2), 8, 3, strides=2)
    x = k.layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu")(x)
    return k.Model(inputs, k.layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="tanh")(x))


def tcn() -> Any:
    """A temporal convolutional network: causal, dilated, residual."""
    k = keras()
    x = inputs = k.Input((32, 4))
    x = k.layers.Conv1D(8, 1)(x)
    for dilation in (1, 2, 4):
        y = k.layers.Conv1D(8, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = k.layers.Add()([x, k.layers.Conv1D(8, 1)(y)])
    x = k.layers.LeakyReLU(0.1)(x)
    return k.Model(inputs, k.layers.Dense(3)(k.layers.GlobalMaxPooling1D()(x)))


def mlp_mixer() -> Any:
    """Patches, mixed along tokens and along channels in turn."""
    k = keras()
    x = inputs = k.Input((12, 12, 3))
    x = k.layers.Reshape((9, 8))(k.layers.Conv2D(8, 4, strides=4)(x))
    for _ in range(2):
        y = k.layers.Permute((2, 1))(k.layers.LayerNormalization()(x))
        y = k.layers.Dense(9)(k.layers.Dense(12, activation="gelu")(y))
        x = k.layers.Add()([x, k.layers.Permute((2, 1))(y)])
        y = k.layers.Dense(16, activation="gelu")(k.layers.LayerNormalization()(x))
        x = k.layers.Add()([x, k.layers.Dense(8)(y)])
    return k.Model(inputs, k.layers.Dense(4)(k.layers.GlobalAveragePooling1D()(x)))


def _activation(x: Any, name: str | None) -> Any:
    k = keras()
    if name == "hard_swish":
        return k.layers.Multiply()([x, _hard_sigmoid(x)])
    return x if name is None else k.layers.ReLU(6.0 if name == "relu6" else None)(x)


def _hard_sigmoid(x: Any) -> Any:
    k = keras()
    return k.layers.Rescaling(1 / 6)(k.layers.ReLU(6.0)(k.layers.Rescaling(1.0, offset=3.0)(x)))


def _convolution(x: Any, filters: int, kernel: Any, *, strides: int = 1, activation: str | None = "relu") -> Any:
    k = keras()
    x = k.layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    return _activation(k.layers.BatchNormalization()(x), activation)


def _separable(x: Any, filters: int, strides: int = 1, activation: str = "relu") -> Any:
    k = keras()
    x = k.layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
    return _convolution(_activation(k.layers.BatchNormalization()(x), activation), filters, 1, activation=activation)


def _inverted(x: Any, filters: int, strides: int, activation: str, *, squeeze: bool) -> Any:
    k = keras()
    y = _convolution(x, 2 * filters, 1, activation=activation)
    y = k.layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(y)
    y = _activation(k.layers.BatchNormalization()(y), activation)
    if squeeze:
        gate = k.layers.Dense(4, activation="relu")(k.layers.GlobalAveragePooling2D(keepdims=True)(y))
        y = k.layers.Multiply()([y, _hard_sigmoid(k.layers.Dense(2 * filters)(gate))])
    y = _convolution(y, filters, 1, activation=None)
    return k.layers.Add()([x, y]) if strides == 1 and x.shape[-1] == filters else y
