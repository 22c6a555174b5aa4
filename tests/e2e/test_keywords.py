"""The keywords example: raw samples through a front end on the board, all the way from a recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require_tool, shared_folder
from tinykit.graph.reader import read_graph
from tinykit.pipeline import run
from tinykit.recipe import Accept, Recipe, load_recipe
from tinykit.report.table import render

FOLDER = Path(__file__).parents[2] / "examples" / "keywords"


def short() -> Recipe:
    """The example with few clips and few steps."""
    recipe = load_recipe(FOLDER / "recipe.toml")
    assert recipe.teacher is not None
    return replace(
        recipe,
        seeds=(0,),
        data=replace(recipe.data, function="few", labelled=0),
        teacher=replace(recipe.teacher, steps=60, copies=0, members=2),
        student=replace(recipe.student, steps=150),
        accept=Accept(max_mismatched_bytes=0, max_int8_loss=0.1, max_flash=32768, max_ram=8192),
    )


@pytest.mark.train
@pytest.mark.emulated
def test_from_raw_samples_to_a_board(tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    whole = run(short(), tmp_path, quiet=True)
    assert whole["verdict"] == {"passed": True, "reasons": []}
    assert whole["validate"]["front_end"]["mismatched_bytes"] == 0
    assert whole["bench"]["front_end"]["windows"] == 49
    assert "Front end" in render(whole)
    assert {"model.c", "model_features.c", "model_features.h"} <= {path.name for path in (tmp_path / "c").iterdir()}
    front = read_graph(tmp_path / "model.tflite").features
    assert front is not None and front.shape == (49, 10, 1)
    with np.load(tmp_path / "test.npz", allow_pickle=False) as test:
        assert test["x"].dtype == np.int16 and test["x"].shape[1:] == (8000, 1)
    again = run(short(), tmp_path, quiet=True, until="int8")
    assert all(row["cached"] for row in again["stages"])


def test_the_real_set_is_read_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (shared_folder() / "models" / "kws01_test.npz").is_file():
        pytest.skip(f"no reference models in {shared_folder()}: set TINYKIT_SHARED")
    monkeypatch.setenv("TINYKIT_SHARED", str(shared_folder()))
    from tinykit.data import load

    splits = load(load_recipe(FOLDER / "real.toml").data)
    assert len(splits.classes) == 12 and splits.shape == (49, 10, 1)
