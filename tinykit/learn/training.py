"""One way of training for everything: exactly so many gradient steps, a cosine learning rate, one progress callback.

Targets are packed as [one_hot | teacher_logits], so that one loss serves training with and without a teacher, and
composes with fit, pruning wrappers and quantization-aware training alike. A sample without a label has a one-hot part
of zeros; a model without a teacher has targets of only the one-hot part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.data.rows import Rows, Samples
from tinykit.errors import InputError
from tinykit.learn.backend import keras, tensorflow
from tinykit.learn.hints import Feature, with_features
from tinykit.learn.models import accuracy, logits
from tinykit.progress import Progress

_REPORT = 100
"""Gradient steps between two points of the history."""


@dataclass(frozen=True, eq=False)
class Task:
    """What to learn: samples x (n, ...), packed targets (n, classes or 2 classes), and where progress is measured.

    `temperature` and `alpha` matter only where the targets hold teacher logits. With `features` (see learn/hints.py)
    the targets hold the teacher's features behind the logits, and their error is added with weight `beta`.
    """

    x: Samples
    targets: np.ndarray | Targets
    x_validation: Samples
    y_validation: np.ndarray
    classes: int
    temperature: float = 1.0
    alpha: float = 1.0
    features: tuple[Feature, ...] = ()
    beta: float = 1.0


@dataclass(frozen=True, eq=False)
class Targets:
    """Packed targets, of which the teacher's part stays on disk: `known` one-hot (n, classes), `teacher` (n, ...)."""

    known: np.ndarray
    teacher: Rows

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        return pack(self.known[places], self.teacher[places])

    @property
    def shape(self) -> tuple[int, int]:
        """As of the array that they stand for."""
        return len(self.known), self.known.shape[1] + self.teacher.shape[1]


@dataclass(frozen=True)
class Budget:
    """How long to learn: gradient steps, samples a step, learning rate at the start, seed of the order.

    `patience`: end when validation accuracy has not risen for so many reports, and take the best weights; 0: never.
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int
    patience: int = 0


def one_hot(y: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) float32."""
    return np.eye(classes, dtype=np.float32)[y]


def pack(one_hots: np.ndarray, *teacher: np.ndarray) -> np.ndarray:
    """Targets [one_hot | teacher_logits | teacher_features], (n, 2 classes and more) float32."""
    return np.concatenate([one_hots, *teacher], axis=1).astype(np.float32)


def pseudo_labels(teacher_logits: np.ndarray, confidence: float) -> np.ndarray:
    """Booleans (n,): the teacher's largest probability is at least `confidence`; none where that is 1 (Lee 2013)."""
    odds = np.exp(teacher_logits - teacher_logits.max(axis=1, keepdims=True))
    return np.asarray((odds.max(axis=1) / odds.sum(axis=1) >= confidence) & (confidence < 1))


def distillation_loss(classes: int, temperature: float, alpha: float, beta: float = 1.0) -> Any:
    """The loss of packed targets, one value a sample (Hinton, Vinyals, Dean 2015, "Distilling the Knowledge").

    alpha * H(one_hot, softmax(z)) + (1 - alpha) * T^2 * KL(softmax(t / T) || softmax(z / T)); T^2 keeps the two
    gradients in proportion. Without teacher logits: the first term with alpha 1. An all-zero one-hot part (no label)
    makes the first term 0. Where the student gives features behind its logits, beta times their mean squared
    difference from the teacher's is added.
    """
    tf = tensorflow()

    def loss(packed: Any, given: Any) -> Any:
        labels, student = packed[:, :classes], given[:, :classes]
        hard = tf.nn.softmax_cross_entropy_with_logits(labels, student) * tf.reduce_sum(labels, axis=-1)
        if packed.shape[-1] == classes:
            return hard
        teacher = packed[:, classes : 2 * classes]
        soft = tf.nn.softmax(teacher / temperature)
        cross = tf.nn.softmax_cross_entropy_with_logits(soft, student / temperature)
        entropy = tf.nn.softmax_cross_entropy_with_logits(soft, teacher / temperature)
        answers = alpha * hard + (1.0 - alpha) * temperature**2 * (cross - entropy)
        if given.shape[-1] == classes:
            return answers
        return answers + beta * tf.reduce_mean((packed[:, 2 * classes :] - given[:, classes:]) ** 2, axis=-1)

    return loss


def fit(
    model: Any,
    task: Task,
    budget: Budget,
    title: str,
    *,
    quiet: bool = False,
    callbacks: tuple[Any, ...] = (),
    steps_per_execution: int = 10,
    stop: Callable[[list[dict[str, float]]], bool] | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place and return its history: epoch (a report of about 100 steps), loss, validation accuracy.

    `stop` is asked after each report, with the history so far; true ends the training.
    Raises: InputError where the loss stops being a number.
    """
    reports = max(1, budget.steps // _REPORT)
    steps = budget.steps // reports
    optimizer = keras().optimizers.Adam(keras().optimizers.schedules.CosineDecay(budget.learning_rate, budget.steps))
    learner = with_features(model, task.features)
    learner.compile(
        optimizer,
        distillation_loss(task.classes, task.temperature, task.alpha, task.beta),
        steps_per_execution=min(steps, steps_per_execution),
        jit_compile=False,
    )
    batched = _batched(task, batches(len(task.x), budget, reports * steps))
    history: list[dict[str, float]] = []
    with Progress(title, reports, quiet=quiet) as progress:
        learner.fit(
            batched,
            epochs=reports,
            steps_per_epoch=steps,
            verbose=0,
            callbacks=[*callbacks, _reporter(model, task, budget, progress, history, stop)],
        )
    return history


def _batched(task: Task, order: np.ndarray) -> Any:
    """A tf.data.Dataset of (samples, targets), a batch for each row of `order`; read from disk as they are due."""
    tf = tensorflow()
    indices = tf.data.Dataset.from_tensor_slices(order)
    if isinstance(task.x, np.ndarray) and isinstance(task.targets, np.ndarray):
        x, targets = tf.constant(task.x), tf.constant(task.targets)
        return indices.map(lambda index: (tf.gather(x, index), tf.gather(targets, index)))

    def read(index: Any) -> tuple[Any, Any]:
        pair = tf.numpy_function(lambda i: (task.x[i], task.targets[i]), [index], (tf.float32, tf.float32))
        for tensor, whole in zip(pair, (task.x, task.targets), strict=True):
            tensor.set_shape((order.shape[1], *whole.shape[1:]))
        return tuple(pair)

    return indices.map(read).prefetch(2)


def batches(samples: int, budget: Budget, steps: int) -> np.ndarray:
    """Indices (steps, batch) int32: the samples again and again, each time in a new order fixed by the seed."""
    random = np.random.default_rng(budget.seed)
    rounds = -(-steps * budget.batch // samples)
    order = np.concatenate([random.permutation(samples) for _ in range(rounds)])
    return order[: steps * budget.batch].reshape(steps, budget.batch).astype(np.int32)


def _reporter(
    model: Any,
    task: Task,
    budget: Budget,
    progress: Progress,
    history: list[dict[str, float]],
    stop: Callable[[list[dict[str, float]]], bool] | None,
) -> Any:
    """The callback that measures validation accuracy after each report, moves the progress line and ends early."""

    class Reporter(keras().callbacks.Callback):  # type: ignore[misc]
        best, best_weights, waited = -1.0, None, 0

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            _require_finite(float(logs["loss"]), progress.title)
            validation = accuracy(logits(model, task.x_validation), task.y_validation)
            history.append({"epoch": epoch + 1, "loss": float(logs["loss"]), "validation": validation})
            progress.advance(note=f"loss {logs['loss']:.3f}, validation {validation:.1%}")
            if validation > self.best:
                self.best, self.waited = validation, 0
                self.best_weights = model.get_weights() if budget.patience else None
            else:
                self.waited += 1
            tired = 0 < budget.patience <= self.waited
            self.model.stop_training = tired or (stop is not None and stop(history))

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            if self.best_weights is not None:
                model.set_weights(self.best_weights)

    return Reporter()


def _require_finite(loss: float, title: str) -> None:
    """Raises: InputError where training has diverged: every weight would be NaN, and no int8 model could hold it."""
    if not math.isfinite(loss):
        raise InputError(
            f"training diverged ({title})",
            expected="a loss that is a number",
            found=loss,
            next_step="Lower its learning_rate, or bring the samples to a smaller range: divide, or normalize = true",
            page="diverged",
        )
