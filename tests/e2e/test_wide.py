"""int16x8 by a recipe: from labels to a board that answers in 16 bits, every byte TFLM's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require_tool
from tests.learn.test_training import stripes
from tinykit.graph.reader import read_graph
from tinykit.pipeline import run
from tinykit.recipe import load_recipe

RECIPE = """\
title = "Stripes in 16 bits"
[data]
kind = "npz"
file = "set.npz"
[student]
layers = ["conv 4 3x3 relu", "depthwise 3x3 relu", "pool 2x2", "dense 3", "softmax"]
steps = 100
learning_rate = 0.01
[quantize]
method = "int16x8"
max_loss = 0.02
[board]
name = "mps2-an386"
[accept]
min_accuracy = 0.8
max_int8_loss = 0.04
"""


@pytest.mark.train
@pytest.mark.emulated
def test_sixteen_bits_reach_the_board(tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    x, y = stripes(150, 0)
    np.savez(tmp_path / "set.npz", x=x, y=y)
    (tmp_path / "stripes.toml").write_text(RECIPE, encoding="utf-8")
    result = run(load_recipe(tmp_path / "stripes.toml"), tmp_path / "out", quiet=True)
    assert result["verdict"] == {"passed": True, "reasons": []}
    graph = read_graph(tmp_path / "out" / "model.tflite")
    assert {graph.tensor(index).dtype for index in (*graph.inputs, *graph.outputs)} == {"int16"}
    assert result["validate"]["mismatched_bytes"] == 0 and result["validate"]["bytes"] == 2 * 3 * 30
    assert result["bench"]["bit_exact"] and result["bench"]["instructions"] > 0
