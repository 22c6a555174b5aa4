"""Recipes: what is read, and what a person is told who mistypes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.errors import RecipeError
from tinykit.learn.layers import parse_layer, parse_layers
from tinykit.recipe import Recipe, key_lines, load_recipe

GOOD = """\
title = "Small"
seeds = [3, 4]

[data]
kind = "npz"
file = "set.npz"
labelled = 20

[teacher]
layers = ["conv 8 3x3 relu", "dense 3"]

[student]
layers = [
    "conv 4 3x3 relu stride 2",
    "dense 3",
]
steps = 50

[distill]
alpha = 1

[board]
name = "microbit"

[accept]
min_accuracy = 0.5
"""


def load(tmp_path: Path, text: str, name: str = "small.toml") -> Recipe:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_reads_a_good_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, GOOD)
    assert (recipe.name, recipe.title, recipe.seeds) == ("small", "Small", (3, 4))
    assert recipe.data.file == tmp_path / "set.npz"
    assert recipe.student.steps == 50 and recipe.student.layers[0] == "conv 4 3x3 relu stride 2"
    assert recipe.distill is not None and recipe.distill.alpha == 1.0 and recipe.prune is None
    assert recipe.quantize.method == "ptq" and recipe.accept.min_accuracy == 0.5


def test_recipe_toml_is_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "gestures"
    folder.mkdir()
    assert load(folder, GOOD, "recipe.toml").name == "gestures"


def test_the_digits_example_is_a_good_recipe() -> None:
    recipe = load_recipe(Path(__file__).parent.parent / "examples" / "digits" / "recipe.toml")
    assert recipe.name == "digits" and recipe.data.labelled == 100 and len(recipe.seeds) == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "telling"),
    [
        ("labelled = 20", "labeled = 20", 7, "labelled"),
        ("[distill]", "[distil]", 19, "distill"),
        ("seeds =", "seed =", 2, "seeds"),
        ("steps = 50", 'steps = "50"', 17, "a whole number"),
        ("steps = 50", "steps = true", 17, "a whole number"),
        ("steps = 50", "steps = 0", 17, "1 to"),
        ("alpha = 1", "alpha = 1.5", 20, "0.0 to 1.0"),
        ("seeds = [3, 4]", "seeds = [3, 4.5]", 2, "a whole number"),
        ("seeds = [3, 4]", "seeds = [3, 3]", 2, "differ"),
        ("seeds = [3, 4]", "seeds = []", 2, "at least one"),
        ('kind = "npz"', 'kind = "nps"', 5, "'npz'"),
        ('"conv 4 3x3 relu stride 2"', '"convv 4 3x3"', 14, "'conv'"),
        ('"conv 4 3x3 relu stride 2"', '"conv 4 3 relu"', 14, "conv FILTERS HxW"),
        ('file = "set.npz"\n', "", 5, "needs file"),
        ("min_accuracy = 0.5", "min_accuracy = 90", 26, "0.0 to 1.0"),
        ('layers = ["conv 8 3x3 relu", "dense 3"]', "steps = 5", 9, "layers or file"),
    ],
)
def test_mistakes_are_answered_with_line_and_hint(tmp_path: Path, old: str, new: str, line: int, telling: str) -> None:
    assert old in GOOD
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert f"line {line}:" in str(caught.value)
    assert telling in str(caught.value)


TABLE = 'kind = "csv"\nfile = "set.csv"\n'


@pytest.mark.parametrize(
    ("data", "line", "telling"),
    [
        ('kind = "csv"\n', 5, "'csv' needs file"),
        ('kind = "sklearn-digits"\nfile = "a.npz"\n', 6, "reads no file"),
        ('kind = "sklearn-digits"\ngroup = "who"\n', 6, "no groups"),
        ('kind = "npz"\nfile = "a.npz"\nlabel = "who"\n', 7, "no columns"),
        (TABLE + "window = 8\n", 7, "no windows"),
        (TABLE + "overlap = 0.5\n", 7, "no windows"),
        (TABLE.replace("csv", "csv-series", 1), 5, "needs window"),
        (TABLE.replace("csv", "csv-series", 1) + "window = 8\noverlap = 1.0\n", 8, "0.0 to 0.95"),
        (TABLE + 'group = "label"\n', 7, "same column"),
        (TABLE + 'features = ["label", "a"]\n', 7, "no features"),
        (TABLE + 'features = ["a", "a"]\n', 7, "differ"),
        (TABLE + "normalise = true\n", 7, "'normalize'"),
    ],
)
def test_keys_that_a_kind_of_data_does_not_know(tmp_path: Path, data: str, line: int, telling: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, GOOD.replace('kind = "npz"\nfile = "set.npz"\nlabelled = 20\n', data))
    assert f"line {line}:" in str(caught.value) and telling in str(caught.value)


def test_limits_of_what_is_answered_need_a_rule(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"min_answered needs \[refer\]"):
        load(tmp_path, GOOD + "min_answered = 0.9\n")
    recipe = load(tmp_path, GOOD + "min_answered = 0.9\n[refer]\nmin_accuracy = 0.99\n")
    assert recipe.refer is not None and recipe.refer.min_accuracy == 0.99


@pytest.mark.parametrize(
    ("section", "telling"),
    [
        ('[prune]\npattern = "1:4"\n', "a sparsity of 0.75"),
        ('[prune]\npattern = "blocks"\n', "'block'"),
        ('[prune]\n[quantize]\nmethod = "qat"\n', "prune-preserving-qat"),
    ],
)
def test_pruning_that_contradicts_itself_is_refused(tmp_path: Path, section: str, telling: str) -> None:
    with pytest.raises(RecipeError, match=telling):
        load(tmp_path, GOOD + section)


@pytest.mark.parametrize(
    ("old", "new", "telling"),
    [
        ('[board]\nname = "microbit"\n', "", "[board] is missing"),
        ("[board]\nname =", "[board]\n#", "needs name"),
        ("seeds = [3, 4]", "seeds = [3, 4", "not valid TOML"),
        ('[teacher]\nlayers = ["conv 8 3x3 relu", "dense 3"]\n', "", "needs a [teacher]"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, old: str, new: str, telling: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert telling in str(caught.value)


def test_a_recipe_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="does not exist"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "binary.toml")


@given(st.text(max_size=200))
def test_any_text_gives_a_recipe_error_or_a_recipe(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(RecipeError):
        load_recipe(path)


def test_lines_are_found_behind_lists_and_long_strings() -> None:
    text = '[a]\nx = [\n "[b]", # ]\n "y = 1",\n]\ny = """\nz = 3\n"""\n[c]\nz = 1\n'
    assert key_lines(text) == {("a", ""): 1, ("a", "x"): 2, ("a", "y"): 6, ("c", ""): 9, ("c", "z"): 10}


@given(st.text(max_size=40))
def test_any_layer_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        layer = parse_layer(text)
    except RecipeError:
        return
    assert layer.kind == text.split(maxsplit=1)[0]


def test_layers_in_words() -> None:
    layer = parse_layer("conv 16 3x5 relu6 stride 2 valid")
    assert (layer.units, layer.window, layer.activation) == (16, (3, 5), "relu6")
    assert (layer.stride, layer.padding) == (2, "valid")
    assert parse_layer("dropout 0.25").rate == 0.25
    with pytest.raises(RecipeError, match="last"):
        parse_layers(("softmax", "dense 3"))
