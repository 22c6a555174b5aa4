"""Learning from what Python holds already: Keras models of either generation, numpy arrays, tf.data, in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.data.checks import check_classes
from tinykit.data.given import labelled, samples
from tinykit.data.splits import stratified
from tinykit.errors import DataError, ModelError
from tinykit.learn import hints, models, training
from tinykit.learn.backend import keras
from tinykit.learn.rebuild import rebuild
from tinykit.learn.teachers import Foreign
from tinykit.recipe import Distill, Model

_VALIDATION = 0.2
"""The part of the labelled samples that is held back where no validation set is given."""


@dataclass(frozen=True, eq=False)
class Sets:
    """Samples (n, ...) float32: the labelled ones to train on, others without labels, and those that judge.

    `answers`: the teacher's logits for x followed by pool, None without a teacher.
    """

    x: np.ndarray
    y: np.ndarray
    pool: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    classes: int
    answers: np.ndarray | None = None


def adopt(model: Any, shape: tuple[int, ...], classes: int, whose: str) -> Any:
    """A model in Keras 2 that gives logits: a Keras 2 or Keras 3 model, or layers in words (learn/layers.py).

    Raises: RecipeError, ModelError where it does not fit the data or is no model.
    """
    if isinstance(model, Sequence) and not isinstance(model, str):
        return models.build(Model(layers=tuple(model)), shape, classes, whose)
    built = models.without_softmax(_keras2(model, whose))
    found = tuple(built.input_shape[1:]), tuple(built.output_shape[1:])
    if found != (shape, (classes,)):
        raise ModelError(
            f"the {whose} does not fit the data",
            expected=f"input {shape} and {classes} classes",
            found=f"input {found[0]} and output {found[1]}",
        )
    return built


def gives_probabilities(model: Any) -> bool:
    """Whether a model, or layers in words, end in a softmax."""
    if isinstance(model, Sequence):
        return bool(model) and str(model[-1]).split()[0] == "softmax"
    return models.is_softmax(model.layers[-1])


def with_softmax(model: Any) -> Any:
    """The same model, weights shared, with a softmax behind it."""
    layers = keras().layers
    return keras().Model(model.input, layers.Softmax(name="softmax")(model.output), name=model.name)


def _keras2(model: Any, whose: str) -> Any:
    if isinstance(model, keras().Model):
        return model
    if type(model).__module__.split(".")[0] == "keras" and hasattr(model, "layers"):
        return rebuild(model, f"the {whose}")
    raise ModelError(
        f"the {whose} is no Keras model", expected="a Keras 2 or Keras 3 model, or layers in words", found=type(model)
    )


def sets(x: Any, y: Any, pool: Any = None, validation: Any = None, teacher: Any = None, seed: int = 0) -> Sets:
    """Checked samples and labels, a fifth of them held back where `validation` is None, and the teacher's answers.

    Args:
        x, y: arrays (n, ...) and (n,); or x a batched tf.data.Dataset of both, y None.
        pool: unlabelled samples. validation: (x, y), or a dataset of both.
        teacher: a Keras model, several (averaged), any callable from samples to logits, or the logits themselves for
            x followed by pool.

    Raises: DataError, ModelError.
    """
    known, labels = labelled(x, y, "x")
    extra = known[:0] if pool is None else samples(pool, "pool")
    if extra.shape[1:] != known.shape[1:]:
        raise DataError(
            "samples of the pool differ in shape", expected=known.shape[1:], found=extra.shape[1:], page="bad-data"
        )
    if validation is None:
        held, kept = stratified(labels, (round(_VALIDATION * len(labels)),), seed)
        judges = known[held], labels[held]
    else:
        x_validation, y_validation = validation if isinstance(validation, tuple | list) else (validation, None)
        judges, kept = labelled(x_validation, y_validation, "validation"), np.arange(len(labels))
    classes = int(labels.max()) + 1
    check_classes(labels[kept], classes, "training samples")
    if int(judges[1].max()) >= classes:
        raise DataError(
            "validation: labels out of range", expected=f"0 to {classes - 1}", found=judges[1].max(), page="bad-data"
        )
    answers = None
    if teacher is not None:
        every = _answers(teacher, np.concatenate([known, extra]), classes)
        answers = np.concatenate([every[: len(known)][kept], every[len(known) :]])
    return Sets(known[kept], labels[kept], extra, *judges, classes, answers)


def _answers(teacher: Any, x: np.ndarray, classes: int) -> np.ndarray:
    if isinstance(teacher, np.ndarray):
        found = teacher.astype(np.float32)
    else:
        found = models.averaged([as_teacher(member) for member in teacher_list(teacher)], x)
    if found.shape != (len(x), classes) or not np.isfinite(found).all():
        raise DataError(
            "the teacher's answers cannot be used",
            expected=f"finite logits of shape ({len(x)}, {classes}), for x followed by pool",
            found=found.shape,
            page="bad-data",
        )
    return found


def teacher_list(teacher: Any) -> list[Any]:
    """One teacher or several, as a list."""
    return list(teacher) if isinstance(teacher, list | tuple) else [teacher]


def as_teacher(member: Any) -> Any:
    """A callable from samples to logits: a softmax is taken off, or undone where the model is only asked.

    Raises: ModelError for what cannot be asked.
    """
    if not callable(member):
        raise ModelError(
            "the teacher cannot be asked",
            expected="a Keras model, a list of them, a function from samples to logits, or an array of logits",
            found=repr(member)[:80],
        )
    if isinstance(member, keras().Model):
        return models.without_softmax(member)
    return Foreign(member) if hasattr(member, "layers") else lambda x, training=False: member(x)


def task(given: Sets, distill: Distill, features: tuple[hints.Feature, ...] = (), teacher: Any = None) -> training.Task:
    """What a student learns: labels and answers for everything, or without answers the labels alone.

    Args: features: from learn/hints.py, of the Keras 2 model `teacher`.
    """
    hard = training.one_hot(given.y, given.classes)
    plain = training.Task(given.x, hard, given.x_validation, given.y_validation, given.classes)
    if given.answers is None:
        return plain
    x = np.concatenate([given.x, given.pool])
    known = np.concatenate([hard, np.zeros((len(given.pool), given.classes), np.float32)])
    sure = training.pseudo_labels(given.answers, distill.confidence)
    sure[: len(given.x)] = False
    known[sure] = training.one_hot(given.answers[sure].argmax(axis=1), given.classes)
    return dataclasses.replace(
        plain,
        x=x,
        targets=training.pack(known, given.answers, hints.teacher_features(teacher, features, x)),
        temperature=distill.temperature,
        alpha=distill.alpha,
        features=features,
        beta=distill.beta,
    )
