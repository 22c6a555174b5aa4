"""Search: choices are read as written, fronts are fronts, what does not fit is never trained, a study goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stripes import write_stripes
from tinykit.errors import RecipeError, UsageError
from tinykit.recipe import load_recipe
from tinykit.search.front import Point, choose, front, picture, table
from tinykit.search.space import choices, fill, readings, sample
from tinykit.search.text import recipe_text

RECIPE = """\
title = "Stripes & <bars>"
[data]
kind = "npz"
file = "set.npz"
[student]
layers = ["conv 8 3x3 relu", "pool 2x2", "dense 3"]
steps = 60
learning_rate = 0.01
[prune]
pattern = "channels"
steps = 20
[search]
layers = ["conv {2|4} 3x3 relu", "{|pool 2x2|pool 9x9}", "dense 3"]
sparsity = [0, 0.5]
trials = 5
[board]
name = "stm32vldiscovery"
[accept]
max_ram = 900
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Three kinds of noisy 6x6 images."""
    return write_stripes(tmp_path, RECIPE)


def test_choices_and_layers_that_may_be_absent() -> None:
    assert choices("conv {8|16} {3x3|5x5} relu") == [("8", "16"), ("3x3", "5x5")]
    assert fill("conv {8|16} {3x3|5x5} relu", ("16", "3x3")) == "conv 16 3x3 relu"
    assert list(readings("{|dropout 0.5}")) == ["dropout 0.5"]
    lines = ("conv {8|16} 3x3", "{|pool 2x2}", "dense 3")
    assert sample(lines, lambda name, options: options[0]) == ("conv 8 3x3", "dense 3")
    assert sample(lines, lambda name, options: options[-1]) == ("conv 16 3x3", "pool 2x2", "dense 3")


@pytest.mark.parametrize(
    ("old", "new", "telling"),
    [
        ("conv {2|4}", "conv {2|four}", "conv FILTERS"),
        ("conv {2|4}", "conv {2|4", "braces"),
        ("{2|4} 3x3", "{" + "|".join(map(str, range(1, 300))) + "} 3x3", "299 ways"),
        ('[prune]\npattern = "channels"\nsteps = 20\n', "", r"needs a \[prune\]"),
        ("[0, 0.5]", "[0, 1.5]", "0 to 0.99"),
    ],
)
def test_a_space_that_cannot_be_read_is_refused_with_its_line(recipe: Path, old: str, new: str, telling: str) -> None:
    assert old in RECIPE
    recipe.write_text(RECIPE.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError, match=telling) as caught:
        load_recipe(recipe)
    assert "line" in str(caught.value)


def point(number: int, validation: float, *costs: int, state: str = "trained") -> Point:
    return Point(number, ("dense 3",), 0.0, state, *costs, validation=validation)


POINTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=12
)


@settings(max_examples=40, deadline=None)
@given(POINTS)
def test_a_front_beats_everything_and_nothing_on_it_beats_another(found: list[tuple[int, ...]]) -> None:
    points = [point(k, a / 3, *costs) for k, (a, *costs) in enumerate(found)]
    best = front(points)
    axes = {p.number: (-(p.validation or 0), *p.costs) for p in points}
    no_worse = lambda a, b: all(x <= y for x, y in zip(axes[a.number], axes[b.number], strict=True))  # noqa: E731
    assert all(any(no_worse(q, p) for q in best) for p in points)
    assert all(p is q or not no_worse(p, q) for p in best for q in best)


def test_the_cheapest_that_is_good_enough_is_chosen() -> None:
    points = [point(0, 0.99, 9, 9, 900), point(1, 0.97, 5, 5, 500), point(2, 0.9, 1, 1, 100), point(3, 1, 1, 1, 1)]
    points[3] = dataclasses.replace(points[3], state="too large", validation=None)
    assert [choose(points, limit).number for limit in (0.96, 0.9, None, 0.995)] == [1, 2, 0, 0]  # type: ignore[union-attr]
    assert choose(points[3:], 0.5) is None


def test_training_ends_only_where_a_cheaper_candidate_is_clearly_ahead() -> None:
    from tinykit.search.study import is_behind

    history = [{"validation": value} for value in (0.5, 0.7, 0.9, 0.9)]
    rival = [0.6, 0.8, 0.95, 0.95, 0.95, 0.95]
    assert is_behind(history, [rival]) and not is_behind(history, [])
    assert not is_behind(history[:3], [rival]), "too early to tell"
    by_chance, once = [0.5, 0.7, 0.905, 0.909, 0.93, 0.93], [0.5, 0.7, 0.9, 0.95, 0.95, 0.95]
    assert not is_behind(history, [by_chance, once])


def test_the_sampler_hears_what_is_too_large_and_what_is_not_good_enough() -> None:
    from tinykit.search.study import broken_limits

    assert broken_limits({"missing": 300}, 0.9) == (300.0, 0.0)
    assert broken_limits({"validation": 0.75}, 0.875) == (0.0, 0.125)
    assert broken_limits({"curve": [0.5, 0.75]}, 0.875) == (0.0, 0.125), "training that was ended early"
    assert broken_limits({"validation": 0.5}, None) == broken_limits({"validation": 0.95}, 0.9) == (0.0, 0.0)


def test_the_picture_is_sound_svg_and_the_table_says_all() -> None:
    points, by_hand = [point(0, 0.9, 1, 2, 300), point(1, 0.8, 2, 3, 400)], point(-1, 0.85, 9, 9, 900)
    root = ElementTree.fromstring(picture(points, points[0], by_hand, "<a> & b"))
    assert sum(element.tag.endswith("circle") for element in root.iter()) == 4
    ElementTree.fromstring(picture([], None, dataclasses.replace(by_hand, validation=None), "none"))
    text = table(points, points[0], by_hand)
    assert "trial 0" in text and "chosen" in text and "trial 1" not in text and "by hand" in text


def test_a_recipe_written_out_reads_as_it_was(recipe: Path) -> None:
    read = load_recipe(recipe)
    folder = recipe.parent / "deeper"
    folder.mkdir()
    (folder / "chosen.toml").write_text(recipe_text(read, ("conv 2 3x3", "dense 3"), 0.25, folder), encoding="utf-8")
    again = load_recipe(folder / "chosen.toml")
    assert again.student == dataclasses.replace(read.student, layers=("conv 2 3x3", "dense 3"))
    assert again.prune == dataclasses.replace(read.prune, sparsity=0.25)  # type: ignore[type-var]
    assert again.data.file is not None and again.data.file.resolve() == read.data.file.resolve()  # type: ignore[union-attr]
    assert (again.title, again.seeds, again.accept, again.search) == (read.title, read.seeds, read.accept, None)


@pytest.mark.train
def test_a_study_goes_on_and_what_is_too_large_is_never_trained(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    from tinykit.search import candidate
    from tinykit.search.study import search

    output, trained = recipe.parent / "out", []
    train = candidate.Workshop.train

    def watched(self: candidate.Workshop, layers: tuple[str, ...], *rest: object) -> object:
        trained.append(layers)
        return train(self, layers, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(candidate.Workshop, "train", watched)
    recipe.write_text(RECIPE.replace("trials = 5", "trials = 2"), encoding="utf-8")
    first = search(load_recipe(recipe), output, quiet=True)
    assert first["trials"] == 2
    recipe.write_text(RECIPE.replace("trials = 5", "trials = 4"), encoding="utf-8")
    whole = search(load_recipe(recipe), output, quiet=True)
    assert whole["trials"] == 4 and whole["points"][:2] == first["points"]
    untrained = [tuple(p["layers"]) for p in whole["points"] if p["state"] in ("too large", "impossible")]
    assert trained[0] == ("conv 8 3x3 relu", "pool 2x2", "dense 3"), "the recipe's own, once"
    assert len(trained) == 1 + sum(p["state"] in ("trained", "stopped") for p in whole["points"])
    assert all(p["validation"] is None for p in whole["points"] if tuple(p["layers"]) in untrained)
    assert all(p["ram"] <= 900 for p in whole["points"] if p["state"] == "trained")
    chosen = load_recipe(output / "chosen.toml")
    assert chosen.student.layers == whole["chosen"]["layers"]
    with pytest.raises(UsageError, match="no trained trial 99"):
        search(load_recipe(recipe), output, quiet=True, number=99)

    recipe.write_text(RECIPE.replace("max_ram = 900", "max_ram = 9").replace("trials = 5", "trials = 2"), "utf-8")
    trained.clear()
    nothing = search(load_recipe(recipe), output, quiet=True)
    assert nothing["chosen"] is None and len(trained) <= 1


@pytest.mark.train
def test_an_untrained_forecast_is_what_the_trained_student_costs(recipe: Path) -> None:
    pytest.importorskip("optuna")
    from tinykit.boards import board
    from tinykit.pipeline.learning import Learning
    from tinykit.pipeline.store import Store
    from tinykit.search.candidate import Workshop

    learning = Learning(load_recipe(recipe), Store(recipe.parent / "out"), True)
    shop = Workshop(learning, board("stm32vldiscovery"), learning.data(), None)
    layers = ("conv 8 3x3 relu", "pool 2x2", "dense 6 relu", "dense 3")
    dense, half = shop.forecast(layers, 0.0).cost, shop.forecast(layers, 0.5).cost
    _, tflite = shop.train(layers, 0.5, lambda history: False)
    assert tflite is not None
    found, _, _ = shop.judge(tflite)
    assert half.instructions < dense.instructions and half.ram <= dense.ram
    assert abs(found.flash - half.flash) <= 0.1 * half.flash and abs(found.ram - half.ram) <= 0.1 * half.ram


@pytest.mark.train
def test_bits_are_a_choice(recipe: Path) -> None:
    pytest.importorskip("optuna")
    from tinykit.search.candidate import quantized
    from tinykit.search.study import search

    text = RECIPE.replace("sparsity = [0, 0.5]\ntrials = 5", "bits = [16]\ntrials = 1").replace("max_ram = 900", "")
    text = text.replace("conv {2|4} 3x3 relu", "conv 8 3x3 relu").replace("{|pool 2x2|pool 9x9}", "pool 2x2")
    recipe.write_text(text, encoding="utf-8")
    read = load_recipe(recipe)
    result = search(read, recipe.parent / "out", quiet=True)
    (wide,) = result["points"]
    assert wide["state"] == "trained" and wide["bits"] == 16 and "16 bits" in result["table"]
    assert wide["ram"] > result["by_hand"]["ram"] and wide["instructions"] > result["by_hand"]["instructions"]
    assert wide["test"] > 0.9
    chosen = load_recipe(recipe.parent / "out" / "chosen.toml")
    assert chosen.quantize.method == "int16x8" and quantized(chosen, 8).quantize.method == "ptq"
    assert quantized(read, None) is read and quantized(read, 8) is read

    recipe.write_text(text.replace("bits = [16]", "bits = [8, 4]"), encoding="utf-8")
    with pytest.raises(RecipeError, match="bits must be 8 or 16"):
        load_recipe(recipe)
    recipe.write_text(text.replace("[student]", "normalize = true\n[student]"), encoding="utf-8")
    with pytest.raises(RecipeError, match="make int8 samples"):
        load_recipe(recipe)
