"""A search that chooses the front end: forecast with it, trained behind it, judged on raw samples, written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinykit.recipe import load_recipe
from tinykit.search.front import Point, table
from tinykit.search.text import recipe_text

RECIPE = """\
[data]
kind = "npz"
file = "tones.npz"
[features]
kind = "mel"
rate = 1000
window_ms = 64
hop_ms = 32
low = 20
bands = 12
[student]
layers = ["conv 4 3x3 relu", "globalaverage", "dense 2"]
steps = 20
[search]
layers = ["conv 4 3x3 relu", "globalaverage", "dense 2"]
bands = [6, 12]
hop_ms = [32, 64]
trials = 2
[board]
name = "microbit"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Low tones and high tones, raw."""
    random = np.random.default_rng(0)
    y = np.arange(60) % 2
    t = np.arange(320) / 1000
    x = np.sin(2 * np.pi * np.where(y, 200, 60)[:, np.newaxis] * random.uniform(0.9, 1.1, (60, 1)) * t) * 4000
    np.savez(tmp_path / "tones.npz", x=(x + random.normal(size=x.shape) * 200).astype(np.int16), y=y)
    path = tmp_path / "tones.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_the_chosen_front_end_is_written_out(recipe: Path) -> None:
    read = load_recipe(recipe)
    chosen = recipe.parent / "chosen.toml"
    chosen.write_text(recipe_text(read, ("dense 2",), 0.0, recipe.parent, {"bands": 6, "hop_ms": 64.0}), "utf-8")
    features = load_recipe(chosen).features
    assert features is not None and (features.bands, features.hop_ms, features.window_ms) == (6, 64.0, 64.0)
    point = Point(0, ("dense 2",), 0.0, "trained", 1, 1, 1, 0.9, 0.9, {"bands": 6, "hop_ms": 64.0})
    assert "dense 2; bands 6, hop_ms 64 chosen" in table([point], point, point)


@pytest.mark.train
def test_front_ends_are_priced_trained_and_judged(recipe: Path) -> None:
    pytest.importorskip("optuna")
    from tinykit.boards import board
    from tinykit.pipeline.learning import Learning
    from tinykit.pipeline.store import Store
    from tinykit.search.candidate import Workshop, whole
    from tinykit.search.study import search

    result = search(load_recipe(recipe), recipe.parent / "out", quiet=True)
    assert result["trials"] == 2 and result["by_hand"]["front_end"] == {}
    for point in result["points"]:
        assert point["front_end"]["bands"] in (6, 12) and point["front_end"]["hop_ms"] in (32, 64)
    learning = Learning(load_recipe(recipe), Store(recipe.parent / "out"), True)
    shop = Workshop(learning, board("microbit"), learning.data(), None)
    layers = learning.recipe.student.layers
    few = shop.behind({"bands": 6, "hop_ms": 64.0})
    own, cheap = shop.forecast(layers, 0.0).cost, few.forecast(layers, 0.0).cost
    assert own.features is not None and cheap.features is not None
    assert cheap.features.instructions < 0.7 * own.features.instructions
    assert whole(cheap)["instructions"] < whole(own)["instructions"]
    assert few.splits().shape == (5, 6, 1) and shop.splits().shape == (9, 12, 1)
