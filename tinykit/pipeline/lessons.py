"""What is trained, on what, by whom: the parts that the learning stages of a recipe share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data import Splits
from tinykit.data.rows import Rows, Samples, chunks, whole
from tinykit.learn.augment import augment
from tinykit.learn.hints import Feature
from tinykit.learn.together import Together
from tinykit.pipeline.store import Kept
from tinykit.recipe import Distill, Recipe
from tinykit.stored import stored_npz

MODEL = "model.keras"
"""The trained model in a stage's folder."""


@dataclass(frozen=True)
class Lessons:
    """Teachers and students of one recipe."""

    recipe: Recipe
    quiet: bool
    together: Together

    def train_teachers(self, splits: Splits) -> tuple[list[Any], list[dict[str, float]]]:
        """The teachers, trained or as they are given, and the first one's history."""
        from tinykit.learn import backend, models, training

        assert self.recipe.teacher is not None
        teacher, classes = self.recipe.teacher, len(splits.classes)
        if self.is_given:
            return self.given(splits), []
        members: list[Any] = []
        history: list[dict[str, float]] = []
        for number in range(teacher.members):
            seed = self.recipe.seeds[0] + number
            backend.set_seed(seed)
            x = augment(splits.x_labelled, teacher, seed)
            y = np.tile(splits.y_labelled, len(x) // len(splits.y_labelled))
            task = _task(splits, x, training.one_hot(y, classes), None)
            budget = training.Budget(teacher.steps, teacher.batch, teacher.learning_rate, seed, teacher.patience)
            title = f"Teacher {number + 1} of {teacher.members}" if teacher.members > 1 else "Teacher"
            with self.together.scope():
                model = models.build(teacher, splits.shape, classes, "teacher")
                models.freeze(model, teacher.freeze)
                points = training.fit(model, task, budget, title, quiet=self.quiet)
            history = history or points
            members.append(model)
        return members, history

    def task(self, splits: Splits, outputs: Kept | None) -> Any:
        """What distilled student, pruning and qat learn: everything with the teacher's outputs, or just the labels."""
        from tinykit.learn import training

        student, seed, classes = self.recipe.student, self.recipe.seeds[0], len(splits.classes)
        if outputs is None or self.recipe.distill is None:
            x = augment(splits.x_labelled, student, seed)
            y = np.tile(splits.y_labelled, len(x) // len(splits.y_labelled))
            return _task(splits, x, training.one_hot(y, classes), None)
        x = augment(splits.x_train, student, seed)
        known = np.zeros((len(splits.x_train), classes), dtype=np.float32)
        known[: len(splits.y_labelled)] = training.one_hot(splits.y_labelled, classes)
        taught = whole(*(stored_npz(path, "outputs") for path in sorted(outputs.folder.glob("outputs-*.npz"))))
        answers = np.concatenate([part[:, :classes] for part in chunks(taught)])
        sure = training.pseudo_labels(answers[: len(known)], self.recipe.distill.confidence)
        sure[: len(splits.y_labelled)] = False
        known[sure] = training.one_hot(answers[: len(known)][sure].argmax(axis=1), classes)
        known = np.tile(known, (len(x) // len(known), 1))
        targets = training.Targets(known, taught) if isinstance(x, Rows) else training.pack(known, taught[:])
        pairs = tuple(Feature(**{**feature, "shape": tuple(feature["shape"])}) for feature in outputs.facts["features"])
        task = _task(splits, x, targets, self.recipe.distill)
        return dataclasses.replace(task, features=pairs, beta=self.recipe.distill.beta)

    @property
    def is_given(self) -> bool:
        """Whether the teacher comes trained and is not trained further."""
        teacher = self.recipe.teacher
        return teacher is not None and not teacher.layers and not teacher.tune

    def given(self, splits: Splits) -> list[Any]:
        """The teachers that come trained."""
        from tinykit.learn import teachers

        assert self.recipe.teacher is not None
        return teachers.given(self.recipe.teacher, splits.shape, len(splits.classes), self.recipe.data.divide)

    def features(self, splits: Splits, student: Any) -> tuple[Feature, ...]:
        """The pairs of layers that [distill] names, checked on the models. Raises: ModelError."""
        from tinykit.learn import hints, models

        distill = self.recipe.distill
        named = hints.pairs(distill.hints, distill.attention) if distill is not None else ()
        if not named:
            return ()
        assert self.recipe.teacher is not None
        if self.is_given:
            teacher = self.given(splits)[0]
        else:
            teacher = models.build(self.recipe.teacher, splits.shape, len(splits.classes), "teacher")
        return hints.shaped(named, teacher, student)

    def train_student(self, folder: Path, splits: Splits, task: Any, seed: int, title: str) -> dict[str, Any]:
        """Train the recipe's student on `task`, save it into `folder`, and say how good it is."""
        from tinykit.learn import backend, models, training

        student = self.recipe.student
        backend.set_seed(seed)
        budget = training.Budget(student.steps, student.batch, student.learning_rate, seed, student.patience)
        with self.together.scope():
            model = models.build(student, splits.shape, len(splits.classes), "student")
            if student.file is not None and not student.tune and not student.freeze:
                model = backend.keras().models.clone_model(model)
            models.freeze(model, student.freeze)
            history = training.fit(model, task, budget, f"{title}, seed {seed}", quiet=self.quiet)
            models.freeze(model, 0)
        return keep(model, folder, splits, history)


def _task(splits: Splits, x: Samples, targets: Any, distill: Distill | None) -> Any:
    from tinykit.learn.training import Task

    return Task(
        x=x,
        targets=targets,
        x_validation=splits.x_validation,
        y_validation=splits.y_validation,
        classes=len(splits.classes),
        temperature=distill.temperature if distill else 1.0,
        alpha=distill.alpha if distill else 1.0,
    )


def keep(model: Any, folder: Path, splits: Splits, history: list[dict[str, float]]) -> dict[str, Any]:
    """Save a trained model and say how good it is."""
    from tinykit.learn import models

    models.save(model, folder / MODEL)
    test = models.logits(model, splits.x_test)
    return {
        "accuracy": {
            "validation": models.accuracy(models.logits(model, splits.x_validation), splits.y_validation),
            "test": models.accuracy(test, splits.y_test),
        },
        "confusion": models.confusion(test, splits.y_test, len(splits.classes)),
        "parameters": int(model.count_params()),
        "bytes": 4 * int(model.count_params()),
        "sparsity": models.sparsity(model),
        "history": history,
    }
