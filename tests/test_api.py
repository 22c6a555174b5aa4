"""The Python interface: quick to import, models of both Keras and tf.data as they are, errors before any training."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tinykit
from tests.learn.test_training import stripes
from tinykit.errors import DataError, ModelError, UnsupportedModel, UsageError

WORDS = ("conv 4 3x3 relu", "pool 2x2", "dense 3", "softmax")


def test_the_verbs_are_there_and_cost_no_import() -> None:
    script = (
        "import sys, tinykit\n"
        "assert all(callable(getattr(tinykit, verb)) for verb in (*tinykit.__all__, 'validate')), dir(tinykit)\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    with pytest.raises(AttributeError, match="distil"):
        tinykit.distil  # noqa: B018


def test_settings_out_of_range_are_refused_at_once() -> None:
    x, y = stripes(30, 0)
    with pytest.raises(UsageError, match=r"temperature is out of range; expected 0\.1 to 100"):
        tinykit.distill(WORDS, np.zeros((30, 3)), x, y, temperature=0)
    with pytest.raises(UsageError, match=r"steps is out of range; expected 1 to \d+, found 0"):
        tinykit.distill(WORDS, np.zeros((30, 3)), x, y, steps=0)
    with pytest.raises(UsageError, match="batch has the wrong type"):
        tinykit.distill(WORDS, np.zeros((30, 3)), x, y, batch="many")
    with pytest.raises(UsageError, match="needs a teacher"):
        tinykit.distill(WORDS, None, x, y)
    with pytest.raises(UsageError, match="pattern is not a known word"):
        tinykit.prune(None, x, y, pattern="stripes")
    with pytest.raises(UsageError, match="method is not a known word"):
        tinykit.quantize(None, x, y, method="int7")


def test_what_is_no_tflite_is_refused() -> None:
    with pytest.raises(ModelError, match=r"no \.tflite"):
        tinykit.compile(np.zeros(3))
    with pytest.raises(ModelError, match="there is no model"):
        tinykit.check("nowhere.tflite")
    with pytest.raises(UsageError, match="decides the target"):
        tinykit.compile(b"", board="microbit", target="cortex-m4")
    assert not issubclass(UnsupportedModel, UsageError)


@pytest.mark.train
@pytest.mark.parametrize(
    ("change", "telling"),
    [
        ({"x": np.full((30, 6, 6, 1), np.nan)}, "NaN"),
        ({"y": np.zeros(29)}, "one label a sample"),
        ({"y": np.zeros(30, int)}, "at least two classes"),
        ({"y": np.arange(30) % 2 * 2}, "no sample of class 1"),
        ({"pool": np.zeros((4, 5, 5, 1))}, "pool differ in shape"),
        ({"validation": (np.zeros((3, 6, 6, 1)), np.array([0, 1, 3]))}, "validation: labels out of range"),
        ({"validation": np.zeros((3, 6, 6, 1))}, "validation has no labels"),
        ({"teacher": np.zeros((30, 2))}, "the teacher's answers cannot be used"),
        ({"teacher": np.full((30, 3), np.nan)}, "the teacher's answers cannot be used"),
        ({"teacher": "teacher.keras"}, "the teacher cannot be asked"),
        ({"x": [[1.0, 2.0], [3.0]]}, "no array"),
        ({"student": ("conv 4 3x3 relu", "dense 4")}, "dense 3"),
        ({"student": np.zeros(3)}, "no Keras model"),
        ({"hints": ("a -> b",)}, "no Keras model"),
    ],
)
def test_bad_data_and_teachers_are_refused_before_training(change: dict[str, Any], telling: str) -> None:
    x, y = stripes(30, 0)
    given = {"student": WORDS, "teacher": np.zeros((30, 3), np.float32), "x": x, "y": y, "steps": 10**7, **change}
    with pytest.raises((DataError, ModelError, tinykit.errors.RecipeError), match=telling):
        tinykit.distill(**given)


@pytest.mark.train
def test_keras_models_and_datasets_from_teacher_to_c() -> None:
    """A Keras 3 student that ends in softmax, a Keras 2 teacher, a tf.data set: probabilities come out at the end."""
    keras3 = pytest.importorskip("keras")
    from tinykit.learn import backend, models, training
    from tinykit.recipe import Model

    tf, (x, y), (x_pool, _), held = backend.tensorflow(), stripes(90, 0), stripes(60, 1), stripes(60, 2)
    backend.set_seed(0)
    teacher = models.build(Model(layers=("conv 12 3x3 relu", "pool 2x2", "dense 3")), (6, 6, 1), 3, "teacher")
    goal = training.Task(x, training.one_hot(y, 3), *held, classes=3)
    training.fit(teacher, goal, training.Budget(100, 16, 0.01, 0), "Test", quiet=True)
    layers = keras3.layers
    student = keras3.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="features"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    distilled = tinykit.distill(
        student, [teacher, teacher], data, pool=x_pool, validation=held, hints=("teacher_00_conv -> features",),
        seeds=(0, 1), steps=150, learning_rate=0.01, quiet=True,
    )  # fmt: skip
    assert distilled.kept in ("distilled", "control") and len(distilled.control) == len(distilled.distilled) == 2
    assert distilled.accuracy > 0.85 and distilled.teacher is not None and distilled.teacher > 0.85
    assert np.allclose(distilled.model(held[0]).numpy().sum(axis=1), 1, atol=1e-5)
    assert repr(distilled).startswith("Distilled: ") and "over 2 seeds" in repr(distilled)

    more = {"teacher": teacher, "pool": x_pool, "validation": held, "steps": 60, "quiet": True}
    pruned = tinykit.prune(distilled, x, y, pattern="channels", sparsity=0.5, **more)
    assert pruned.parameters < pruned.parameters_before and pruned.accuracy > 0.7 and pruned.sensitivity
    plain = tinykit.quantize(pruned, data, validation=held)
    assert plain.accuracy is not None and abs(plain.accuracy - pruned.accuracy) <= 0.05 and plain.layers
    assert tinykit.verify(plain, vectors=20).bit_exact
    trained = tinykit.quantize(pruned, x, y, method="qat", **more)
    assert trained.accuracy is not None and trained.accuracy > 0.7 and trained.tflite != plain.tflite
    blind = tinykit.quantize(student, x)
    assert blind.accuracy is None and "by ptq" in repr(blind)

    checked = tinykit.check(plain, "microbit")
    assert checked.fits and checked.supported and "yes, every layer" in repr(checked)
    compiled = tinykit.compile(plain, board="microbit", name="stripes")
    assert set(compiled.sources) == {"stripes.h", "stripes.c"} and compiled.flash == checked.flash
