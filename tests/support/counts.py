"""Instruction counts of a small set of models, as they are and as they were recorded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.models import (
    ModelBuilder,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    softmax,
)
from tinykit.boards import board
from tinykit.files import write_atomic
from tinykit.validate.bench import bench

RECORD = Path(__file__).parents[1] / "data" / "counts.json"
WORSE = 0.01
"""A count may rise by this part of the recorded one."""

BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps3-an547")


def residual() -> bytes:
    """A first layer of few channels, depthwise and pointwise layers, a residual ADD, a pool and a classifier."""
    model = ModelBuilder(1)
    x = conv_2d(model, model.input((1, 16, 16, 3)), filters=16, strides=(2, 2), padding="SAME", activation="RELU")
    y = depthwise_conv_2d(model, x, padding="SAME", activation="RELU", zero_point=-128)
    y = conv_2d(model, y, filters=16, kernel=(1, 1))
    x = average_pool_2d(model, add(model, x, y), window=(8, 8))
    return model.finish([softmax(model, fully_connected(model, x, units=10))])


def convolutions() -> bytes:
    """Windows of three by three, then a strided pointwise layer."""
    model = ModelBuilder(2)
    x = conv_2d(model, model.input((1, 12, 12, 8)), filters=16, padding="SAME", activation="RELU")
    x = conv_2d(model, x, filters=16, padding="SAME", activation="RELU")
    return model.finish([conv_2d(model, x, filters=24, kernel=(1, 1), strides=(2, 2))])


def dense() -> bytes:
    """Two dense layers."""
    model = ModelBuilder(3)
    x = fully_connected(model, model.input((1, 128)), units=64, activation="RELU")
    return model.finish([fully_connected(model, x, units=12)])


MODELS: dict[str, Callable[[], bytes]] = {"residual": residual, "convolutions": convolutions, "dense": dense}


def compiler() -> str:
    """What the cross compiler says that it is: counts hold for one compiler."""
    done = subprocess.run(["arm-none-eabi-gcc", "--version"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()[0]


def measure(name: str, on: str, folder: Path) -> int:
    """Instructions of an inference of a model of the set, whose bytes are TFLM's.

    Args: `folder` for the model and its firmware.
    """
    path = folder / f"{name}.tflite"
    path.write_bytes(MODELS[name]())
    result = bench(path, board(on), folder=folder / f"{name}-{on}")
    assert result["bit_exact"]
    return int(result["instructions"])


def recorded() -> dict[str, Any]:
    """The record: {"compiler": .., "counts": {model: {board: instructions}}}."""
    return dict(json.loads(RECORD.read_text()))


def record(folder: Path) -> None:
    """Measure everything and write the record."""
    counts = {name: {on: measure(name, on, folder) for on in BOARDS} for name in MODELS}
    write_atomic(RECORD, json.dumps({"compiler": compiler(), "counts": counts}, indent=1) + "\n")
