"""Magnitude pruning by TFMOT, with the teacher kept on; the sparsity that is reached is measured, not believed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.errors import ToolFailed
from tinykit.learn.backend import keras, tfmot
from tinykit.learn.models import is_prunable, kernels
from tinykit.learn.training import Budget, Task, fit

_EVERY = 20
"""Gradient steps between two updates of the masks, at most; a short pruning updates them more often."""


def prune(
    model: Any, sparsity: float, task: Task, budget: Budget, *, quiet: bool = False
) -> tuple[Any, list[dict[str, float]]]:
    """A pruned copy of `model`, trained on while its smallest weights go, and its history.

    Sparsity follows TFMOT's polynomial schedule over the first 60 % of the steps; the rest heals.

    Raises: ToolFailed where a kernel ends denser than asked for.
    """
    sparsity_api = tfmot().sparsity.keras
    every = max(1, min(_EVERY, budget.steps // 20))
    end = every * max(1, int(0.6 * budget.steps) // every)  # a step on which masks are updated
    schedule = sparsity_api.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=sparsity,
        begin_step=0,
        end_step=end,
        frequency=every,
    )

    def wrap(layer: Any) -> Any:
        if is_prunable(layer):
            return sparsity_api.prune_low_magnitude(layer, pruning_schedule=schedule)
        return layer

    wrapped = keras().models.clone_model(model, clone_function=_copying(wrap))
    _copy_weights(model, wrapped)
    history = fit(
        wrapped,
        task,
        budget,
        "Pruning",
        quiet=quiet,
        callbacks=(sparsity_api.UpdatePruningStep(),),
        steps_per_execution=1,
    )
    pruned = sparsity_api.strip_pruning(wrapped)
    require_sparsity(kernels(pruned), sparsity)
    return pruned, history


def require_sparsity(weights: list[np.ndarray], sparsity: float) -> None:
    """Every kernel has at least `sparsity` of its weights exactly zero, up to one weight of rounding.

    Raises: ToolFailed naming the densest kernel.
    """
    for number, kernel in enumerate(weights):
        zeros, wanted = int((kernel == 0).sum()), int(sparsity * kernel.size) - 1
        if zeros < wanted:
            raise ToolFailed(
                f"pruning did not reach its sparsity in kernel {number} of shape {kernel.shape}",
                expected=f"at least {wanted} zeros of {kernel.size}",
                found=zeros,
                next_step="Give [prune] more steps",
            )


def _copying(wrap: Any) -> Any:
    return lambda layer: wrap(type(layer).from_config(layer.get_config()))


def _copy_weights(source: Any, target: Any) -> None:
    for old, new in zip(source.layers, target.layers, strict=True):
        getattr(new, "layer", new).set_weights(old.get_weights())
