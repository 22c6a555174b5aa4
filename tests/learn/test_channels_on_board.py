"""What structured pruning buys on a board: instructions counted by `bench`, through a residual too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinykit.boards import board
from tinykit.validate.bench import bench

pytestmark = [pytest.mark.train, pytest.mark.emulated]
SHAPE = (16, 16, 1)


def plain(layers: Any) -> Any:
    """Convolutions, a pool and a classifier."""
    source = layers.Input(SHAPE)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="first")(source)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return source, layers.Dense(4, name="answer")(x)


def residual(layers: Any) -> Any:
    """A block whose input is added to its output, which ties their channels together."""
    source = layers.Input(SHAPE)
    first = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="first")(source)
    x = layers.Conv2D(32, 1, activation="relu", name="wide")(first)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = layers.Add()([first, layers.Conv2D(16, 1, name="back")(x)])
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    return source, layers.Dense(4, name="answer")(x)


@pytest.mark.parametrize("network", [plain, residual], ids=["plain", "residual"])
def test_half_the_channels_save_40_percent_of_the_instructions(network: Callable[[Any], Any], tmp_path: Path) -> None:
    from tinykit.learn import backend, channels, convert, models

    backend.set_seed(0)
    model = backend.keras().Model(*network(backend.keras().layers))
    importance = {layer.name: np.asarray(layer.kernel) ** 2 for layer in models.prunable(model)}
    smaller = channels.remove(model, importance, channels.counts(model, 0.5), 1)
    x = np.random.default_rng(1).random((40, *SHAPE), dtype=np.float32)
    found = []
    for name, one in (("whole", model), ("half", smaller)):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(convert.to_int8(one, x))
        found.append(bench(path, board("mps2-an386"), folder=tmp_path / name))
    whole, half = found
    assert whole["bit_exact"] and half["bit_exact"]
    assert half["instructions"] <= 0.6 * whole["instructions"]
    assert half["flash"]["total"] < whole["flash"]["total"] and half["ram"]["total"] < whole["ram"]["total"]
