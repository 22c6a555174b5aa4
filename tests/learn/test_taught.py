"""Recipes with every kind of teacher, from its file to the distilled student; and what is refused before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.learn.test_training import stripes
from tinykit.errors import DataError, ModelError, RecipeError, TinykitError
from tinykit.pipeline import run
from tinykit.recipe import load_recipe

RECIPE = """\
title = "Stripes"
[data]
kind = "npz"
file = "set.npz"
labelled = 12
[teacher]
{teacher}
[student]
layers = ["conv 4 3x3 relu", "pool 2x2", "dense 3"]
steps = 100
learning_rate = 0.01
[distill]
{distill}
[board]
name = "mps2-an386"
"""
X, Y = stripes(150, 0)
LAYERS = 'layers = ["conv 8 3x3 relu", "pool 2x2", "dense 3"]'
TRAINING = "steps = 50\ncopies = 1"


def written(folder: Path, teacher: str, distill: str = "", **arrays: np.ndarray) -> Path:
    np.savez(folder / "set.npz", **(arrays or {"x": X, "y": Y}))
    (folder / "stripes.toml").write_text(RECIPE.format(teacher=teacher, distill=distill), encoding="utf-8")
    return folder / "stripes.toml"


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two trained teachers, a.keras and b.keras, and answers.npz."""
    from tinykit.learn import backend, models, training
    from tinykit.recipe import Model

    folder, held = tmp_path_factory.mktemp("teachers"), stripes(60, 9)
    for number, name in enumerate(("a", "b")):
        backend.set_seed(number)
        model = models.build(Model(layers=("conv 8 3x3 relu", "pool 2x2", "dense 3")), (6, 6, 1), 3, "teacher")
        goal = training.Task(X, training.one_hot(Y, 3), *held, classes=3)
        training.fit(model, goal, training.Budget(100, 16, 0.01, number), "Test", quiet=True)
        models.save(model, folder / f"{name}.keras")
    right = np.full((len(Y), 3), 0.02)
    right[np.arange(len(Y)), Y] = 0.96
    np.savez(folder / "answers.npz", x=X, probabilities=right)
    return folder


@pytest.mark.train
@pytest.mark.parametrize(
    ("teacher", "distill", "note"),
    [
        ('answers = "{}/answers.npz"', "confidence = 0.9", "answers of answers.npz"),
        ('file = "{}/a.keras"\ntune = true\nfreeze = 1\nsteps = 50\npatience = 1', "", "trained on 12 labels"),
        (
            'files = ["{0}/a.keras", "{0}/b.keras"]',
            'hints = ["teacher_00_conv -> student_00_conv"]\nattention = ["teacher_01_pool -> student_01_pool"]',
            "2 models averaged; as its file holds it",
        ),
    ],
    ids=["answers", "tuned", "files"],
)
def test_a_teacher_of_any_kind_teaches(teachers: Path, tmp_path: Path, teacher: str, distill: str, note: str) -> None:
    from tinykit.learn import models

    recipe = written(tmp_path, teacher.format(teachers), distill)
    result = run(load_recipe(recipe), tmp_path / "out", quiet=True, until="distilled")
    rows = {row["name"]: row for row in result["stages"]}
    assert list(rows) == ["teacher", "control", "distilled"] and rows["teacher"]["note"] == note
    assert rows["distilled"]["accuracy"]["validation"] > 0.75
    student = models.restore(tmp_path / "out" / "stages" / "distilled-0" / "model.keras")
    assert student.layers[0].name == "student_00_conv" and student.output_shape == (None, 3)
    if "tune" in teacher:
        before = models.restore(teachers / "a.keras")
        after = models.restore(tmp_path / "out" / "stages" / "teacher" / "teacher-0.keras")
        frozen, tuned = (
            [np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True)]
            for one, other in ((before.layers[0], after.layers[0]), (before.layers[-1], after.layers[-1]))
        )
        assert all(frozen) and not any(tuned)


def broken_labels(change: Any) -> dict[str, np.ndarray]:
    y = Y.copy()
    change(y)
    return {"x": X, "y": y}


def cut(groups: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "x_train": X[:100], "y_train": Y[:100], "patient_train": groups[:100],
        "x_test": X[100:], "y_test": Y[100:], "patient_test": groups[100:],
    }  # fmt: skip


@pytest.mark.train
@pytest.mark.parametrize(
    ("teacher", "distill", "arrays", "kind", "telling"),
    [
        (LAYERS, "", {"x": np.where(X > 1.3, np.nan, X), "y": Y}, DataError, "NaN"),
        (LAYERS, "", broken_labels(lambda y: np.place(y, y == 1, 0)), DataError, "no sample of class 1"),
        (LAYERS, "", broken_labels(lambda y: np.put(y, 7, -1)), DataError, "out of range"),
        (LAYERS, "", cut(np.arange(150) // 30), DataError, "the group '3' is in both the train and the test part"),
        (LAYERS.replace("dense 3", "dense 4"), "", {}, RecipeError, "expected 'dense 3'"),
        ('file = "{}/four.keras"', "", {}, ModelError, r"3 classes, found input \(6, 6, 1\) and output \(4,\)"),
        (LAYERS, 'hints = ["teacher_00_conv -> student_01_pool"]', {}, ModelError, "cannot be compared"),
        (LAYERS, 'attention = ["teacher_00_conv -> student_02_dense"]', {}, ModelError, "cannot be compared"),
    ],
    ids=["nan", "class", "range", "patient", "layers", "file", "hints", "attention"],
)
def test_nothing_is_trained_on_what_cannot_be_right(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    teacher: str,
    distill: str,
    arrays: dict[str, np.ndarray],
    kind: type[TinykitError],
    telling: str,
) -> None:
    from tinykit.learn import models, training
    from tinykit.recipe import Model

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("training began")

    monkeypatch.setattr(training, "fit", never)
    if "four" in teacher:
        models.save(models.build(Model(layers=("dense 4",)), (6, 6, 1), 4, "teacher"), tmp_path / "four.keras")
    recipe = written(tmp_path, teacher.format(tmp_path), distill, **arrays)
    if "patient_train" in arrays:
        recipe.write_text(recipe.read_text().replace("labelled = 12", 'group = "patient"'), encoding="utf-8")
    with pytest.raises(kind, match=telling):
        run(load_recipe(recipe), tmp_path / "out", quiet=True)
