"""The clinic example: from real measurements to two small boards, with answers that may be "unsure"."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require_tool
from tinykit.data import load
from tinykit.pipeline import run
from tinykit.recipe import BoardChoice, Recipe, load_recipe

RECIPE = Path(__file__).parents[2] / "examples" / "clinic" / "recipe.toml"


def read() -> Recipe:
    pytest.importorskip("sklearn")
    return load_recipe(RECIPE)


def test_the_patients_are_real_and_normalized_by_the_training_ones() -> None:
    splits = load(read().data)
    assert splits.classes == ("malignant", "benign") and splits.features[3] == "mean area"
    assert splits.warnings == () and splits.normalization is not None and splits.raw_test is not None
    assert len(splits.y_labelled) + len(splits.y_validation) + len(splits.y_test) == 569
    assert splits.raw_test.max() > 1000 and abs(splits.x_train.mean(axis=0)).max() < 1e-4


@pytest.mark.train
@pytest.mark.emulated
def test_it_runs_on_a_microbit_and_is_built_for_an_uno(tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    require_tool("avr-gcc", "gcc-avr")
    recipe = replace(read(), seeds=(0,))
    whole = run(recipe, tmp_path, quiet=True)
    assert whole["verdict"] == {"passed": True, "reasons": []}
    referred = whole["refer"]["test"]
    assert referred["accuracy"] >= 0.97 and referred["coverage"] >= 0.8
    assert whole["refer"]["validation"]["accuracy"] >= 0.995
    assert "referred as unsure" in (tmp_path / "report.html").read_text()
    header = (tmp_path / "c" / "model_values.h").read_text()
    calibration = whole["refer"]["calibration"]
    assert calibration["test"]["error"] < 0.05 and "model_confidence" in header
    assert whole["refer"]["margin"] * calibration["step"] >= np.log(9), "0.9 against 0.1"
    assert "/* mean area */" in header and f"< {whole['refer']['margin']} ?" in header
    with np.load(tmp_path / "test.npz", allow_pickle=False) as test:
        assert test["x"].dtype == np.int8

    uno = run(replace(recipe, board=BoardChoice("arduino-uno")), tmp_path, quiet=True, until="firmware")
    assert all(row["cached"] for row in uno["stages"])
    assert uno["target"] == "avr" and (tmp_path / "c" / "model_values.h").read_text() == header
