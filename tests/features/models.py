"""Small classifiers behind a front end, whose labels are their own answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.features.clips import clips
from tests.support.models import ModelBuilder, conv_2d, fully_connected, reshape, softmax
from tinykit.features.description import attach
from tinykit.features.frontend import FrontEnd

CLASSES = 3


def model_behind(front: FrontEnd) -> bytes:
    """A .tflite that reads the front end's features, with its description."""
    return attach(plain_model(front), front)


def plain_model(front: FrontEnd) -> bytes:
    """The same without the description."""
    builder = ModelBuilder(seed=5)
    if front.frames > 1:
        x = conv_2d(builder, builder.input((1, *front.shape)), filters=2, kernel=(3, 3), activation="RELU")
        x = reshape(builder, x, shape=(1, 2 * front.frames * front.columns))
    else:
        x = builder.input((1, *front.shape))
    return builder.finish([softmax(builder, fully_connected(builder, x, units=CLASSES))])


def raw_set(front: FrontEnd, path: Path, count: int) -> Path:
    """An .npz of so many raw samples; labels are of no matter."""
    x = clips(front.samples, front.channels, seed=9)[-count:]
    np.savez(path, x=x if front.channels > 1 else x[..., 0], y=np.arange(count) % CLASSES)
    return path
