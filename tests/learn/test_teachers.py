"""Teachers of every kind, and what students take from them: answers, features, labels where they are sure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.learn.test_training import LAYERS, softmax, stripes, task
from tests.test_recipe import GOOD, load
from tinykit.errors import DataError, ModelError, RecipeError
from tinykit.learn.answers import Answers
from tinykit.learn.training import pseudo_labels
from tinykit.recipe import Model

X, Y = stripes(20, 4)
LOGITS = np.random.default_rng(0).normal(0, 2, (20, 3)).astype(np.float32)


def saved(tmp_path: Path, **arrays: np.ndarray) -> Path:
    np.savez(tmp_path / "answers.npz", **arrays)
    return tmp_path / "answers.npz"


def test_answers_are_found_by_their_samples_in_any_order(tmp_path: Path) -> None:
    given = Answers(saved(tmp_path, x=X * 16, logits=LOGITS), 3, divide=16.0)
    order = np.random.default_rng(1).permutation(20)
    assert np.array_equal(given(X[order]), LOGITS[order])
    likely = Answers(saved(tmp_path, x=X, probabilities=softmax(LOGITS)), 3, 1.0)
    assert np.allclose(softmax(likely(X)), softmax(LOGITS), atol=1e-6)
    labels = Answers(saved(tmp_path, x=X, labels=Y), 3, 1.0)
    assert np.allclose(softmax(labels(X))[np.arange(20), Y], 0.95)


@pytest.mark.parametrize(
    ("arrays", "telling"),
    [
        ({"x": X}, "no teacher's answers"),
        ({"x": X, "logits": LOGITS, "labels": Y}, "no teacher's answers"),
        ({"x": X[:19], "logits": LOGITS}, "not one answer a sample"),
        ({"x": X, "logits": LOGITS[:, :2]}, r"\(samples, 3\)"),
        ({"x": X, "logits": LOGITS * np.nan}, "finite"),
        ({"x": X, "probabilities": LOGITS}, "sum to 1"),
        ({"x": X, "labels": Y + 1}, "0 to 2"),
    ],
)
def test_answers_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict, telling: str) -> None:
    with pytest.raises(DataError, match=telling):
        Answers(saved(tmp_path, **arrays), 3, 1.0)


def test_samples_without_an_answer_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no answer for 5 of 20"):
        Answers(saved(tmp_path, x=X[:15], logits=LOGITS[:15]), 3, 1.0)(X)


def test_pseudo_labels_need_a_sure_teacher() -> None:
    logits = np.log(np.array([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2]]))
    assert pseudo_labels(logits, 0.8).tolist() == [True, False]
    assert not pseudo_labels(logits * 1000, 1.0).any()


@pytest.mark.parametrize(
    ("old", "new", "telling"),
    [
        ('layers = ["conv 8 3x3 relu", "dense 3"]', 'file = "a.keras"\nfiles = ["b.h5"]', "either layers or file"),
        ('layers = ["conv 8 3x3 relu", "dense 3"]', 'layers = ["dense 3"]\ntune = true', "tune needs file"),
        ("alpha = 1", 'hints = ["a, b"]', "TEACHER LAYER -> STUDENT LAYER"),
        ("steps = 50", 'steps = 50\nanswers = "a.npz"', r"\[student\] needs|either"),
    ],
)
def test_recipes_that_no_teacher_can_follow(tmp_path: Path, old: str, new: str, telling: str) -> None:
    assert old in GOOD
    with pytest.raises(RecipeError, match=telling):
        load(tmp_path, GOOD.replace(old, new))
    answers = GOOD.replace('layers = ["conv 8 3x3 relu", "dense 3"]', 'answers = "a.npz"')
    assert load(tmp_path, answers).teacher.answers == tmp_path / "a.npz"  # type: ignore[union-attr]
    with pytest.raises(RecipeError, match="no layers"):
        load(tmp_path, answers.replace("alpha = 1", 'attention = ["a -> b"]'))


@pytest.fixture(scope="module")
def teacher():
    from tinykit.learn import backend, models, training

    backend.set_seed(1)
    model = models.build(Model(layers=("conv 12 3x3 relu", "pool 2x2", "dense 3")), (6, 6, 1), 3, "teacher")
    training.fit(model, task(), training.Budget(100, 16, 0.01, 0), "Test", quiet=True)
    return model


@pytest.mark.train
def test_hints_and_attention_pull_the_student_and_stay_through_pruning_and_qat(teacher) -> None:
    """The student's attention map comes nearer to the teacher's; its own layers and outputs stay as they were made."""
    import dataclasses

    from tinykit.learn import backend, hints, models, pruning, qat, training
    from tinykit.recipe import Prune

    plain = task()
    backend.set_seed(2)
    student = models.build(Model(layers=LAYERS), (6, 6, 1), 3, "student")
    named = hints.pairs(("teacher_00_conv -> student_00_conv",), ("teacher_00_conv -> student_01_depthwise",))
    features = hints.shaped(named, teacher, student)
    known = hints.teacher_features(teacher, features, plain.x)
    assert known.shape == (120, 6 * 6 * 12 + 6 * 6)
    assert np.allclose((known[:, -36:] ** 2).sum(axis=1), 1, atol=1e-4), "an attention map has length 1"
    targets = training.pack(plain.targets, models.logits(teacher, plain.x), known)
    goal = dataclasses.replace(plain, targets=targets, temperature=2.0, alpha=0.1, features=features, beta=5.0)

    def distance(model) -> float:
        found = hints.teacher_features(model, (dataclasses.replace(features[1], teacher=features[1].student),), plain.x)
        return float(((found - known[:, -36:]) ** 2).sum(axis=1).mean())

    before, budget = distance(student), training.Budget(150, 16, 0.01, 0)
    training.fit(student, goal, budget, "Test", quiet=True)
    assert distance(student) < 0.6 * before
    assert student.output_shape == (None, 3) and len(student.get_weights()) == 8
    assert models.accuracy(models.logits(student, plain.x_validation), plain.y_validation) > 0.85
    short = training.Budget(40, 16, 0.005, 0)
    pruned, _ = pruning.prune(student, Prune(0.5), goal, short, quiet=True)
    aware, _ = qat.quantization_aware(pruned, goal, short, keep_zeros=True, quiet=True)
    smaller, _ = pruning.prune(student, Prune(0.5, "channels"), goal, short, quiet=True)
    assert aware.output_shape == smaller.output_shape == (None, 3)


@pytest.mark.train
def test_layers_that_cannot_be_compared_are_refused(teacher) -> None:
    from tinykit.learn import hints, models

    student = models.build(Model(layers=LAYERS), (6, 6, 1), 3, "student")
    for pair, telling in (
        ("teacher_00_conv -> student_02_pool", r"\(6, 6, 12\) and \(3, 3, 8\)"),
        ("teacher_0_conv -> student_00_conv", "teacher has no layer 'teacher_0_conv'"),
        ("teacher_00_conv -> student_9", "student has no layer 'student_9'"),
    ):
        with pytest.raises(ModelError, match=telling):
            hints.shaped(hints.pairs((pair,), ()), teacher, student)


@pytest.mark.train
def test_frozen_layers_stay_and_training_ends_when_nothing_improves(teacher) -> None:
    from tinykit.learn import models, training

    models.freeze(teacher, 1)
    first, last = teacher.layers[0].get_weights()[0], teacher.layers[-1].get_weights()[0]
    budget = training.Budget(1000, 16, 0.01, 0, patience=2)
    history = training.fit(teacher, task(), budget, "Test", quiet=True)
    models.freeze(teacher, 0)
    assert np.array_equal(first, teacher.layers[0].get_weights()[0])
    assert not np.array_equal(last, teacher.layers[-1].get_weights()[0])
    goal, best = task(), max(point["validation"] for point in history)
    assert len(history) < 10 and history[-1]["validation"] <= best
    assert models.accuracy(models.logits(teacher, goal.x_validation), goal.y_validation) == best
    assert all(layer.trainable for layer in teacher.layers)
