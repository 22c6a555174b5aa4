"""Convolutions in portable C that share code between layers: every byte equal to TFLM, and less flash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.equality import Case, assert_equal
from tests.support.models import ModelBuilder, Value, conv_2d, depthwise_conv_2d
from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.bench import bench

SHARED = {"conv_2d_any", "depthwise_conv_2d_any"}


def layers(seed: int) -> bytes:
    """Layers with a few kinds of windows over images of many sizes."""
    model = ModelBuilder(seed)
    random = np.random.default_rng(seed)
    x: Value = model.input((1, int(random.integers(7, 14)), int(random.integers(7, 14)), int(random.integers(1, 5))))
    for _ in range(4):
        how = {
            "strides": (1, 1) if min(x.shape[1:3]) < 4 else tuple(int(n) for n in random.integers(1, 3, 2)),
            "activation": str(random.choice(["NONE", "RELU"])),
        }
        filters = int(random.integers(2, 9))
        if random.random() < 0.5:
            x = conv_2d(model, x, filters=filters, kernel=(3, 3), padding="SAME", **how)  # type: ignore[arg-type]
        else:
            x = conv_2d(model, x, filters=filters, kernel=(1, 1), padding="VALID", **how)  # type: ignore[arg-type]
        x = depthwise_conv_2d(model, x, kernel=(3, 3), padding="SAME", activation="RELU")
    return model.finish([x])


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "avr"])
def test_equals_tflm(core: str) -> None:
    cases = [Case(f"layers of seed {seed}", layers(seed)) for seed in range(4)]
    plans = [make_plan(read_graph(one.model, "m"), target(core), "size") for one in cases]
    used = {step.kernel for plan in plans for step in plan.steps}
    assert core == "cortex-m3" or used & SHARED == SHARED
    assert_equal(cases, on=core, prefer="size", sanitize=core == "avr")


@pytest.mark.emulated
def test_they_take_less_flash_on_a_small_core(tmp_path: Path) -> None:
    path = tmp_path / "layers.tflite"
    path.write_bytes(layers(3))
    speed, size = (bench(path, board("microbit"), optimize=way, folder=tmp_path / way) for way in ("speed", "size"))
    assert speed["bit_exact"] and size["bit_exact"]
    assert {layer["kernel"] for layer in size["layers"]} >= SHARED
    assert size["flash"]["code"] < 0.75 * speed["flash"]["code"]
    assert size["instructions"] < 1.25 * speed["instructions"]
