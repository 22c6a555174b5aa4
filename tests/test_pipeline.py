"""The pipeline: nothing finished is run again, nothing changed is kept, interrupted runs go on, verdicts are just."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinykit
from tests.support.stripes import write_stripes
from tinykit.errors import DiskFull, ModelError, PortError, RecipeError, TinykitError, UsageError
from tinykit.pipeline import run
from tinykit.pipeline.learning import Learning
from tinykit.pipeline.store import Kept, Store, plain
from tinykit.pipeline.verdict import verdict
from tinykit.recipe import Accept, Prune, load_recipe

RECIPE = """\
title = "Stripes"
seeds = [0, 1]
[data]
kind = "npz"
file = "set.npz"
labelled = 12
[teacher]
layers = ["conv 8 3x3 relu", "dense 3"]
steps = 60
copies = 2
[student]
layers = ["conv 4 3x3 relu", "pool 2x2", "dense 3", "softmax"]
steps = 60
[distill]
[prune]
sparsity = 0.5
steps = 40
[quantize]
representative = 20
[board]
name = "mps2-an386"
[accept]
min_accuracy = 0.2
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that trains in seconds: three kinds of noisy 6x6 images."""
    return write_stripes(tmp_path, RECIPE)


# --- the store ----------------------------------------------------------------------------------------


class Stage:
    """A stage that counts how often it is made, in a store."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name, self.made, self.failure = store, name, 0, None

    def __call__(self, settings: object = (), after: tuple[Kept, ...] = (), **more: Any) -> Kept:
        return self.store.stage(self.name, settings, after, ("errors.py",), self.make, **more)

    def make(self, folder: Path) -> dict[str, Any]:
        self.made += 1
        (folder / "result").write_text(str(self.made))
        if self.failure is not None:
            raise self.failure
        return {"made": self.made}


def test_the_same_stage_is_made_once(tmp_path: Path) -> None:
    stage = Stage(Store(tmp_path), "a")
    first, again = stage(Prune(0.5)), stage(Prune(0.5))
    assert (first.cached, again.cached, stage.made) == (False, True, 1)
    assert again.facts == {"made": 1} and (again.folder / "result").read_text() == "1"


@pytest.mark.parametrize(
    "change",
    [
        {"settings": Prune(0.6)},
        {"libraries": ("numpy",)},
        {"outside": {"board": "another"}},
    ],
)
def test_what_it_depends_on_makes_it_again(tmp_path: Path, change: dict[str, Any]) -> None:
    stage = Stage(Store(tmp_path), "a")
    stage(Prune(0.5))
    assert not stage(**{"settings": Prune(0.5), **change}).cached and stage.made == 2


def test_a_change_early_reaches_everything_after_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second, aside = Stage(store, "first"), Stage(store, "second"), Stage(store, "aside")
    for setting in (1, 2, 2):
        second(0, (first(setting),))
        aside(0)
    assert (first.made, second.made, aside.made) == (2, 2, 1)


def test_files_count_by_content_not_by_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("same")
    assert plain(tmp_path / "a") == plain(tmp_path / "b") != plain(tmp_path / "none")


class Codes(Store):
    """A store that makes nothing, and remembers which code each stage's key is made from."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.of: dict[str, tuple[str, ...]] = {}

    def stage(self, name: str, settings: object, after: Any, code: tuple[str, ...], make: Any, **more: Any) -> Kept:
        self.of[name] = code
        return Kept(name, Path(), "", {}, 0.0, cached=False)


@pytest.mark.parametrize(
    ("stage", "read"),
    [
        ("data", {"arrays.py", "stored.py", "data/splits.py"}),
        ("features", {"arrays.py", "stored.py", "features/frontend.py", "pipeline/front_end.py"}),
        ("int8", {"arrays.py", "features/description.py", "pipeline/values.py", "pipeline/judging.py"}),
    ],
)
def test_a_change_in_code_that_a_stage_goes_through_makes_it_again(recipe: Path, stage: str, read: set[str]) -> None:
    recipe.write_text(f'{RECIPE}[features]\nkind = "spectrum"\nrate = 100\nwindow_ms = 40\n', encoding="utf-8")
    codes = Codes()
    learning = Learning(load_recipe(recipe), codes, quiet=True)
    learning.int8(learning.data(), None, Kept("student", Path(), "", {}, 0.0, cached=False))
    assert read <= {name for part in codes.of[stage] for name in files_of(part)}


def files_of(part: str) -> list[str]:
    package = Path(tinykit.__file__).parent
    found = [package / part] if (package / part).is_file() else (package / part).rglob("*.py")
    return [path.relative_to(package).as_posix() for path in found]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("bug"), OSError(28, "No space left on device")])
def test_an_interrupted_stage_leaves_nothing_and_is_made_again(tmp_path: Path, failure: BaseException) -> None:
    stage = Stage(Store(tmp_path), "a")
    stage.failure = failure
    expected = DiskFull if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        stage()
    assert list((tmp_path / "stages").iterdir()) == []
    stage.failure = None
    assert not stage().cached and stage().cached


def test_a_damaged_record_is_made_again(tmp_path: Path) -> None:
    stage = Stage(Store(tmp_path), "a")
    (stage().folder / "stage.json").write_text("{")
    assert not stage().cached


# --- the verdict --------------------------------------------------------------------------------------


def judged_run(**changes: Any) -> dict[str, Any]:
    accuracies = {"teacher": 0.97, "distilled": 0.95, "pruned": 0.94, "int8": 0.935, "board": 0.935}
    return {
        "stages": [{"name": name, "accuracy": {"test": value}} for name, value in accuracies.items()],
        "distillation": {"margin_mean": 0.07},
        "bench": {"bit_exact": True, "flash": {"total": 20_000}, "ram": {"total": 4_000}},
        "validate": {"mismatched_bytes": 0},
        "refer": {"test": {"coverage": 0.9, "accuracy": 0.99}},
        **changes,
    }


KEPT_LIMITS = Accept(0.93, 0.07, 0.01, 0.005, 0, 20_000, 4_000)


def test_limits_that_are_just_kept_pass() -> None:
    assert verdict(judged_run(), KEPT_LIMITS) == {"passed": True, "reasons": []}


@pytest.mark.parametrize(
    ("limits", "telling"),
    [
        (Accept(min_accuracy=0.94), "accuracy on the board"),
        (Accept(min_margin=0.08), "margin"),
        (Accept(max_prune_loss=0.005), "pruning"),
        (Accept(max_int8_loss=0.004), "quantization"),
        (Accept(max_flash=19_999), "flash"),
        (Accept(max_ram=3_999), "RAM"),
        (Accept(min_answered=0.91), "answered"),
        (Accept(min_answered_accuracy=0.995), "answered"),
    ],
)
def test_each_broken_limit_is_a_reason(limits: Accept, telling: str) -> None:
    found = verdict(judged_run(), limits)
    assert not found["passed"] and len(found["reasons"]) == 1 and telling in found["reasons"][0]


def test_differing_bytes_and_absent_figures_fail() -> None:
    found = verdict(judged_run(validate={"mismatched_bytes": 3}), Accept())
    assert not found["passed"] and "3" in found["reasons"][0]
    found = verdict(judged_run(validate=None, bench=None, distillation=None), KEPT_LIMITS)
    assert len(found["reasons"]) == 4 and all("not measured" in reason for reason in found["reasons"])
    assert not verdict(judged_run(bench={"bit_exact": False}), Accept())["passed"]


# --- whole runs ---------------------------------------------------------------------------------------


def test_stages_that_a_recipe_has_not(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("[prune]\nsparsity = 0.5\nsteps = 40\n", ""), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"\[prune\]"):
        run(load_recipe(recipe), recipe.parent / "out", until="pruned")
    with pytest.raises(UsageError, match="unknown stage"):
        run(load_recipe(recipe), recipe.parent / "out", until="prunned")


def test_an_unknown_board_is_refused_before_anything_is_trained(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("mps2-an386", "mps2-an387"), encoding="utf-8")
    with pytest.raises(TinykitError, match="mps2-an387"):
        run(load_recipe(recipe), recipe.parent / "out")
    assert not (recipe.parent / "out").exists()


def test_a_port_that_is_not_there_is_refused_before_anything_is_trained(recipe: Path) -> None:
    with pytest.raises(PortError, match="/dev/ttyNOWHERE"):
        run(load_recipe(recipe), recipe.parent / "out", port="/dev/ttyNOWHERE")
    assert not (recipe.parent / "out").exists()


def test_a_run_removes_what_a_killed_one_left(recipe: Path) -> None:
    left = recipe.parent / "out" / "stages" / ".teacher.abc_1234"
    left.mkdir(parents=True)
    (left / "teacher-0.keras").write_bytes(b"half")
    run(load_recipe(recipe), recipe.parent / "out", quiet=True, until="data")
    assert [stage.name for stage in left.parent.iterdir()] == ["data"]


def rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result["stages"]}


def cached(result: dict[str, Any]) -> list[str]:
    return [name for name, row in rows(result).items() if row["cached"]]


@pytest.mark.train
def test_a_run_to_int8_is_kept_resumed_and_redone_where_it_changed(recipe: Path) -> None:
    output, read = recipe.parent / "out", load_recipe(recipe)
    partial = run(read, output, quiet=True, until="teacher")
    assert list(rows(partial)) == ["teacher"] and partial["verdict"]["passed"] is None

    whole = run(read, output, quiet=True, until="int8")
    assert cached(whole) == ["teacher"]
    assert list(rows(whole)) == ["teacher", "control", "distilled", "pruned", "int8"]
    assert rows(whole)["pruned"]["sparsity"] >= 0.49 and rows(whole)["int8"]["sparsity"] >= 0.49
    assert set(rows(whole)["pruned"]["bought"]["after"]) == {"flash", "ram", "instructions"}
    assert "as planned for this board" in rows(whole)["pruned"]["note"]
    assert all(0.2 < row["accuracy"]["test"] <= 1 for row in whole["stages"])
    distillation = whole["distillation"]
    assert len(distillation["control"]) == len(distillation["distilled"]) == 2
    assert sum(map(sum, whole["confusion"]["student"])) == 30
    assert {layer["op"] for layer in rows(whole)["int8"]["errors"]} >= {"CONV_2D", "SOFTMAX"}
    assert json.loads((output / "run.json").read_text()) == whole
    assert (output / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
    _ends_in_softmax(output / "model.tflite")
    _again_without_tensorflow(recipe, output)

    impossible = RECIPE.replace("[quantize]", "[quantize]\nmax_loss = -1.0")
    recipe.write_text(impossible, encoding="utf-8")
    with pytest.raises(ModelError, match=r"student_0.*adds"):
        run(load_recipe(recipe), output, quiet=True, until="int8")

    recipe.write_text(RECIPE.replace("sparsity = 0.5", "sparsity = 0.75"), encoding="utf-8")
    denser = run(load_recipe(recipe), output, quiet=True, until="int8")
    assert cached(denser) == ["teacher", "control", "distilled"]
    assert rows(denser)["pruned"]["sparsity"] >= 0.74


def _ends_in_softmax(model: Path) -> None:
    from tinykit.graph.reader import read_graph

    assert read_graph(model).operators[-1].op == "SOFTMAX"


def _again_without_tensorflow(recipe: Path, output: Path) -> None:
    """A run with nothing to do neither trains nor imports what could."""
    script = (
        "import sys, pathlib, tinykit.recipe, tinykit.pipeline as p\n"
        "r = p.run(tinykit.recipe.load_recipe(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]), until='int8')\n"
        "assert all(row['cached'] for row in r['stages']), r['stages']\n"
        "assert not {'tensorflow', 'tf_keras', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(recipe), str(output)], check=True, timeout=60)


@pytest.mark.train
def test_without_a_teacher_the_student_learns_from_labels_alone(recipe: Path) -> None:
    alone = RECIPE[: RECIPE.index("[teacher]")] + RECIPE[RECIPE.index("[student]") : RECIPE.index("[distill]")]
    recipe.write_text(alone + '[board]\nname = "mps2-an386"\n', encoding="utf-8")
    result = run(load_recipe(recipe), recipe.parent / "out", quiet=True, until="int8", seeds=(5,))
    assert list(rows(result)) == ["control", "int8"]
    assert result["distillation"] is None and result["seeds"] == [5]


@pytest.mark.train
@pytest.mark.emulated
def test_a_whole_run_answers_on_the_board(recipe: Path) -> None:
    output, read = recipe.parent / "out", load_recipe(recipe)
    result = run(read, output, quiet=True)
    assert result["verdict"] == {"passed": True, "reasons": []}
    assert result["validate"]["mismatched_bytes"] == 0 and result["validate"]["samples"] == 30
    assert rows(result)["board"]["accuracy"]["test"] == rows(result)["int8"]["accuracy"]["test"]
    assert result["bench"]["bit_exact"] and result["bench"]["instructions"] > 0
    bought = rows(result)["pruned"]["bought"]
    assert bought["measured"] and bought["after"]["instructions"] == result["bench"]["instructions"]
    assert "as counted on this board" in rows(result)["pruned"]["note"]
    assert sorted(p.name for p in (output / "c").iterdir()) == ["model.c", "model.h"]
    assert (output / "firmware").is_dir() and result["plan"]["arena_bytes"] > 0
    assert all(row["cached"] for row in run(read, output, quiet=True)["stages"])


@pytest.mark.train
def test_a_student_that_does_not_fit_is_refused_before_the_teacher_is_trained(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace('"dense 3", "softmax"', '"dense 4"'), encoding="utf-8")
    with pytest.raises(RecipeError, match="'dense 3'"):
        run(load_recipe(recipe), recipe.parent / "out", quiet=True, until="int8")
    assert not (recipe.parent / "out" / "stages" / "teacher").exists()


@pytest.mark.train
@pytest.mark.parametrize("major", [2, 3])
def test_a_trained_student_from_a_file_is_pruned_and_quantized(recipe: Path, major: int) -> None:
    model = recipe.parent / "given.keras"
    script = Path(__file__).parent / "learn" / "foreign_models.py"
    command = [sys.executable, str(script), str(major), "sequential", str(model)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    x = np.random.default_rng(0).random((90, 8, 8, 1)).astype(np.float32)
    np.savez(recipe.parent / "set.npz", x=x, y=np.arange(90) % 3)
    recipe.write_text(
        '[data]\nkind = "npz"\nfile = "set.npz"\n[student]\nfile = "given.keras"\n'
        '[prune]\nsparsity = 0.5\nsteps = 20\n[board]\nname = "microbit"\n',
        encoding="utf-8",
    )
    result = run(load_recipe(recipe), recipe.parent / "out", quiet=True, until="int8")
    assert list(rows(result)) == ["student", "pruned", "int8"]
    assert rows(result)["pruned"]["sparsity"] >= 0.49
    _ends_in_softmax(recipe.parent / "out" / "model.tflite")


@pytest.mark.train
def test_every_kind_of_layer_reaches_int8_through_prune_preserving_qat(recipe: Path) -> None:
    layers = (
        '"conv 8 3x3", "batchnorm", "relu", "depthwise 3x3 relu6", "average 2x2", "conv 8 1x1 relu6", "dropout 0.1", '
        '"globalaverage", "dense 8 relu", "dense 3", "softmax"'
    )
    text = RECIPE.replace('"conv 4 3x3 relu", "pool 2x2", "dense 3", "softmax"', layers)
    text = text.replace("[quantize]\n", '[quantize]\nmethod = "prune-preserving-qat"\nsteps = 30\n')
    recipe.write_text(text.replace("seeds = [0, 1]", "seeds = [0]"), encoding="utf-8")
    result = run(load_recipe(recipe), recipe.parent / "out", quiet=True, until="int8")
    assert rows(result)["int8"]["sparsity"] >= 0.49
    _ends_in_softmax(recipe.parent / "out" / "model.tflite")
