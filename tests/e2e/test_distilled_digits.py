"""A distilled student of 1,210 weights answers on the three smallest boards, byte for byte as TFLM does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.boards import require_board
from tinykit.pipeline import run
from tinykit.recipe import BoardChoice, Recipe, load_recipe

RECIPE = """\
title = "Digits for the smallest boards"
seeds = [0]
[data]
kind = "sklearn-digits"
labelled = 100
[teacher]
layers = ["conv 16 3x3 relu", "pool 2x2", "conv 32 3x3 relu", "pool 2x2", "dense 64 relu", "dense 10"]
steps = 900
copies = 15
shift = 1.0
turn = 15.0
zoom = 0.15
[student]
layers = ["dense 16 relu", "dense 10", "softmax"]
steps = 1500
[distill]
temperature = 1.0
alpha = 0.1
[quantize]
representative = 100
[board]
name = "microbit"
[accept]
min_accuracy = 0.85
max_mismatched_bytes = 0
"""
TEST_DIGITS = 359

pytestmark = [pytest.mark.train, pytest.mark.emulated, pytest.mark.xdist_group("distilled-digits")]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    pytest.importorskip("sklearn")
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return load_recipe(path)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all three boards' runs go, so that the student is trained once."""
    return tmp_path_factory.mktemp("digits")


@pytest.mark.parametrize("name", ["microbit", "arduino-uno", "raspberry-pi-pico"])
def test_a_distilled_student_answers_on(name: str, recipe: Recipe, output: Path) -> None:
    require_board(name)
    whole = run(replace(recipe, board=BoardChoice(name)), output, quiet=True)
    judged = whole["validate"]
    assert whole["verdict"] == {"passed": True, "reasons": []}
    assert whole["distillation"]["kept"] == "distilled" and whole["distillation"]["margin_mean"] > 0.02
    assert (judged["board"], judged["emulated"], judged["samples"]) == (name, True, TEST_DIGITS)
    assert (judged["bytes"], judged["mismatched_bytes"]) == (10 * TEST_DIGITS, 0)
    assert judged["accuracy"] == judged["accuracy_tflm"] >= 0.85
    assert whole["bench"]["bit_exact"]
