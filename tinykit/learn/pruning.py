"""Pruning while training goes on: weights go in the pattern that a device can use, the teacher kept on.

Structured pruning, which removes whole channels, is in channels.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn import channels, patterns
from tinykit.learn.backend import keras, tensorflow
from tinykit.learn.models import accuracy, logits, prunable
from tinykit.learn.saliency import saliency
from tinykit.learn.training import Budget, Task, fit
from tinykit.recipe import Prune

_UPDATES = 45
"""How often masks are drawn anew while sparsity rises; by the dearer second-order saliency only a dozen times."""
_UPDATES_OBD = 12
_RAMP = 0.6
"""The part of the steps over which sparsity rises; the rest heals."""
_LEVELS = (0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Sensitivity:
    """One layer's own share: validation accuracy when it alone is pruned, untrained, to each level of sparsity."""

    layer: str
    weights: int
    accuracy: dict[str, float]


def prune(
    model: Any, settings: Prune, task: Task, budget: Budget, *, quiet: bool = False
) -> tuple[Any, list[dict[str, float]]]:
    """A pruned copy of `model` and the history of its training.

    Raises: ModelError where `settings.dense` names no layer, or no layer is left; ToolFailed where a kernel ends denser
    than asked for.
    """
    chosen = _chosen(model, settings)
    if settings.pattern == "channels":
        return _without_channels(model, settings, task, budget, quiet)
    copy = keras().models.clone_model(model)
    copy.set_weights(model.get_weights())
    keeper = _mask_keeper(copy, chosen, settings, task, budget)
    history = fit(copy, task, budget, "Pruning", quiet=quiet, callbacks=(keeper,), steps_per_execution=1)
    kernels = [np.asarray(copy.get_layer(name).kernel) for name in chosen]
    patterns.require_pattern(kernels, settings.pattern, settings.sparsity)
    return copy, history


def untrained(model: Any, settings: Prune) -> Any:
    """`model` pruned at once, without training: what the pruned one will cost, not what it will know."""
    importance = saliency(model, np.zeros(0), "magnitude", 0)
    if settings.pattern == "channels":
        return channels.remove(model, importance, channels.counts(model, settings.sparsity, settings.dense), 1)
    for name in _chosen(model, settings):
        kernel = model.get_layer(name).kernel
        kernel.assign(np.asarray(kernel) * patterns.mask(importance[name], settings.pattern, settings.sparsity))
    return model


def sensitivity(model: Any, settings: Prune, task: Task) -> list[Sensitivity]:
    """What each prunable layer alone costs, before any training; by magnitude, in the recipe's pattern.

    Channels are measured as single weights.
    """
    pattern = "block" if settings.pattern == "block" else "weights"
    found = []
    for layer in prunable(model):
        kept, scores = np.asarray(layer.kernel), {}
        for level in _LEVELS:
            layer.kernel.assign(kept * patterns.mask(kept**2, pattern, level))
            scores[f"{level:.2f}"] = accuracy(logits(model, task.x_validation), task.y_validation)
        layer.kernel.assign(kept)
        found.append(Sensitivity(layer.name, kept.size, scores))
    return found


def _chosen(model: Any, settings: Prune) -> list[str]:
    """Names of the layers that are pruned."""
    names = [layer.name for layer in prunable(model)]
    unknown = [name for name in settings.dense if name not in names]
    chosen = [name for name in names if name not in settings.dense]
    if unknown or not chosen:
        raise ModelError(
            f"[prune] dense names {unknown[0]!r}, which is no prunable layer"
            if unknown
            else "[prune] has no layer left",
            expected=f"some of {', '.join(names)}",
        )
    return chosen


def _without_channels(
    model: Any, settings: Prune, task: Task, budget: Budget, quiet: bool
) -> tuple[Any, list[dict[str, float]]]:
    """Channels removed in three rounds, each followed by training, the last for the longest."""
    history: list[dict[str, float]] = []
    wanted = channels.counts(model, settings.sparsity, settings.dense)
    shares = (0.2, 0.2, 0.6)
    for number, share in enumerate(shares):
        importance = saliency(model, task.x, settings.saliency, budget.seed)
        model = channels.remove(model, importance, wanted, len(shares) - number)
        part = Budget(max(1, round(share * budget.steps)), budget.batch, budget.learning_rate, budget.seed + number)
        title = f"Pruning channels, round {number + 1} of {len(shares)}"
        done = len(history)
        history += [{**point, "epoch": point["epoch"] + done} for point in fit(model, task, part, title, quiet=quiet)]
    return model, history


def _mask_keeper(model: Any, chosen: list[str], settings: Prune, task: Task, budget: Budget) -> Any:
    """The callback that draws the masks as sparsity rises, and holds the weights to them after every step.

    Sparsity at part p of the ramp: s (1 - (1 - p)^3) (Zhu, Gupta 2017, "To prune, or not to prune").
    """
    tf = tensorflow()
    ramp = max(1, int(_RAMP * budget.steps))
    updates = _UPDATES_OBD if settings.saliency == "obd" else _UPDATES
    due = {round(ramp * (k + 1) / updates): (k + 1) / updates for k in range(updates)}
    kernels = {name: model.get_layer(name).kernel for name in chosen}
    masks = {name: tf.Variable(tf.ones_like(kernel), trainable=False) for name, kernel in kernels.items()}

    @tf.function
    def apply() -> None:
        for name, kernel in kernels.items():
            kernel.assign(kernel * masks[name])

    class MaskKeeper(keras().callbacks.Callback):  # type: ignore[misc]
        step = 0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.step += 1
            if self.step in due:
                found = saliency(model, task.x, settings.saliency, budget.seed)
                sparsity = settings.sparsity * (1 - (1 - due[self.step]) ** 3)
                for name in chosen:
                    masks[name].assign(patterns.mask(found[name], settings.pattern, sparsity).astype(np.float32))
            apply()

    return MaskKeeper()
