"""Writes a small model file in the Keras asked for: run as a script, so that each file comes from its own process.

python foreign_models.py 2|3 sequential|functional|lambda FILE
"""

from __future__ import annotations

import os
import sys


def main(major: str, kind: str, path: str) -> None:
    """Build, set fixed weights, save."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow")
    if major == "2":
        import tf_keras as keras
    else:
        import keras
    keras.utils.set_random_seed(3)
    keras.models.Model.save(_model(keras, kind), path)


def _model(keras: object, kind: str) -> object:
    layers, models = keras.layers, keras.models  # type: ignore[attr-defined]
    if kind == "sequential":
        return models.Sequential(
            [
                layers.Input((8, 8, 1)),
                layers.Conv2D(4, 3, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.MaxPooling2D(2),
                layers.DepthwiseConv2D(3, padding="same", activation="relu"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
    source = layers.Input((8, 8, 1))
    if kind == "lambda":
        return models.Model(source, layers.Lambda(lambda x: x * 2.0)(source))
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(source)
    second = layers.Conv2D(4, 3, padding="same")(first)
    joined = layers.ReLU()(layers.Add()([first, second]))
    return models.Model(source, layers.Dense(3)(layers.GlobalAveragePooling2D()(joined)))


if __name__ == "__main__":
    main(*sys.argv[1:])
