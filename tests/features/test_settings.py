"""From a recipe's [features] to a front end: defaults, units, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.features.clips import clips
from tinykit.arrays import read_npz
from tinykit.data import Splits, restore, save
from tinykit.data.rows import Rows
from tinykit.errors import DataError, RecipeError
from tinykit.features.frontend import FrontEnd
from tinykit.features.settings import front_end
from tinykit.features.transforms import Mfcc, Micro, Statistics
from tinykit.pipeline.front_end import featured
from tinykit.pipeline.values import keep_samples
from tinykit.recipe import Features, load_recipe

RECIPE = """\
[data]
kind = "npz"
file = "set.npz"
[student]
layers = ["dense 2"]
[board]
name = "microbit"
[features]
kind = "mfcc"
rate = 8000
window_ms = 32
hop_ms = 20
bands = 24
"""


def test_milliseconds_become_whole_moments() -> None:
    front = front_end(Features("mfcc", 16000.0, window_ms=30.0, hop_ms=20.0), (16000,))
    assert front.transform == Mfcc(480, 16000.0, 125.0, 7500.0, 40, 10)
    assert (front.hop, front.frames, front.shape, front.moments) == (320, 49, (49, 10, 1), 15840)
    assert front_end(Features("micro", 16000.0, 25.0, 10.0), (16000, 1, 1)).transform == Micro(
        400, 16000.0, 125.0, 7500.0, 40
    )
    whole = front_end(Features("statistics", 62.5, statistics=("rms", "mean")), (125, 3))
    assert whole == front_end(Features("statistics", 62.5, statistics=("rms", "mean")), (125, 1, 3))
    assert whole.counts(np.zeros((2, 125, 1, 3), np.float32)).shape == (2, 125, 3)
    assert whole.transform == Statistics(125, ("rms", "mean")) and whole.shape == (6,)
    assert whole.words()[:2] == ("channel 0 rms", "channel 0 mean")


@pytest.mark.parametrize(
    ("features", "shape", "telling"),
    [
        (Features("mfcc", 8000.0, high=5000.0), (1000,), "half the rate"),
        (Features("mel", 8000.0, window_ms=200.0), (1000,), "shorter than its window"),
        (Features("mel", 8000.0, window_ms=600.0), (8000,), "samples in a window"),
        (Features("mel", 8000.0, window_ms=32.0, hop_ms=64.0), (8000,), "hop"),
        (Features("mfcc", 8000.0, window_ms=32.0, bands=8, coefficients=9), (8000,), "coefficients"),
        (Features("micro", 8000.0, window_ms=32.0), (8000, 2), "one channel"),
        (Features("spectrum", 100.0, low=40.0, high=40.01), (64,), "no bin"),
        (Features("statistics", 100.0, statistics=("rms", "rms")), (64,), "each once"),
        (Features("statistics", 100.0, statistics=("median",)), (64,), "each once"),
        (Features("statistics", 100.0), (8, 8, 3), "series"),
    ],
)
def test_what_cannot_be_computed_is_refused(features: Features, shape: tuple[int, ...], telling: str) -> None:
    with pytest.raises(RecipeError, match=telling):
        front_end(features, shape)


@pytest.mark.parametrize(
    ("old", "new", "telling"),
    [
        ('kind = "mfcc"', 'kind = "mfc"', "Did you mean 'mfcc'"),
        ("bands = 24", 'statistics = ["rms"]', "does not read statistics"),
        ('kind = "mfcc"', 'kind = "spectrum"', "does not read bands"),
        ("rate = 8000\n", "", "needs rate"),
        ('kind = "npz"\nfile = "set.npz"', 'kind = "wav"\nfolder = "words"\nrate = 16000', "they must agree"),
        ('file = "set.npz"', 'file = "set.npz"\nnormalize = true', "leave normalize out"),
        ("[board]", '[quantize]\nmethod = "int16x8"\n[board]', "no int8 input"),
        ("[board]", '[search]\nlayers = ["dense 2"]\nbands = [0]\n[board]', "above 0"),
    ],
)
def test_recipes_that_contradict_themselves(tmp_path: Path, old: str, new: str, telling: str) -> None:
    assert old in RECIPE
    (tmp_path / "recipe.toml").write_text(
        RECIPE.replace(old, new, 1) if old != 'kind = "mfcc"' else RECIPE.replace(old, new)
    )
    with pytest.raises(RecipeError, match=telling):
        load_recipe(tmp_path / "recipe.toml")


def _splits(x: np.ndarray) -> Splits:
    y = np.arange(len(x)) % 2
    return Splits(x, y, x[:0], x, y, x, y, classes=("a", "b"))


def test_splits_carry_features_raw_counts_and_the_front_end(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = (random.normal(size=(8, 100, 2)) * np.linspace(1, 3, 8).reshape(8, 1, 1)).astype(np.float32)
    splits = featured(_splits(x), Features("statistics", 100.0, window_ms=500.0, resolution=0.001), tmp_path)
    assert splits.front is not None and splits.shape == (2, 12, 1) and splits.warnings == ()
    assert isinstance(splits.raw_test, Rows) and isinstance(splits.raw_validation, Rows)
    counts = splits.raw_test[:].astype(np.int16)
    np.testing.assert_allclose(counts * 0.001, x, atol=0.0006)
    train = np.asarray(splits.x_train).reshape(-1, 12)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=0.1)  # means are whole counts
    np.testing.assert_allclose(train.std(axis=0), 1, atol=0.01)
    quantized = splits.front.inputs(counts, 0.02, 5)
    np.testing.assert_allclose((quantized - 5.0) * 0.02, np.clip(splits.x_test, -2.66, 2.44), atol=0.0101)
    save(splits, tmp_path)
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    again = restore(moved)
    assert again.front == splits.front
    assert isinstance(again.raw_validation, Rows) and np.array_equal(again.raw_validation[:], counts)
    keep_samples(b"", again, moved)
    kept = read_npz(moved / "test.npz")
    assert kept["x"].dtype == np.int16 and np.array_equal(kept["x"], counts) and np.array_equal(kept["y"], again.y_test)


def test_what_is_learned_in_parts_is_what_is_learned_at_once() -> None:
    front = FrontEnd(Mfcc(64, 8000.0, 125.0, 3750.0, 8, 4), hop=32, samples=200)
    counts = clips(200, 1)
    whole = front.learned(counts)
    values = front.values(counts).reshape(-1, 4).astype(np.float64)
    np.testing.assert_array_equal(whole.means, np.rint(values.mean(axis=0)))
    np.testing.assert_allclose(whole.deviations, values.std(axis=0), rtol=1e-6)
    assert front.learned_in_parts(counts[k : k + 3] for k in range(0, len(counts), 3)) == whole
    silent = front.learned(np.zeros((5, 200, 1), np.int16))
    assert silent.means == (0,) * 4 and silent.deviations == (1.0,) * 4


def test_data_that_no_front_end_tells_apart(tmp_path: Path) -> None:
    tiny = np.random.default_rng(0).normal(size=(8, 100)).astype(np.float32) * 0.01
    with pytest.raises(DataError, match="the same of every sample"):
        featured(_splits(tiny), Features("statistics", 100.0, statistics=("rms",)), tmp_path)
    loud = _splits(np.where(np.arange(100) % 3, 40000.0, -40000.0) * np.linspace(0.5, 1, 8).reshape(8, 1))
    assert "beyond int16" in featured(loud, Features("statistics", 100.0), tmp_path).warnings[0]
