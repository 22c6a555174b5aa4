"""Quantization-aware training by TFMOT; the prune-preserving scheme where pruned zeros must stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn.backend import keras, tensorflow, tfmot
from tinykit.learn.models import is_prunable
from tinykit.learn.training import Budget, Task, fit


def quantization_aware(
    model: Any, task: Task, budget: Budget, *, keep_zeros: bool, quiet: bool = False
) -> tuple[Any, list[dict[str, float]]]:
    """A copy of `model` trained with int8's rounding in the loop, and its history.

    Args:
        keep_zeros: use TFMOT's prune-preserving scheme; the plain one un-prunes.

    Raises: ModelError for a layer that TFMOT cannot train this way.
    """
    quantization, scheme = tfmot().quantization.keras, None
    if keep_zeros:
        scheme = tfmot().experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    copy = keras().models.clone_model(model)
    copy.set_weights(model.get_weights())
    try:
        annotated = quantization.quantize_annotate_model(copy)
        aware = quantization.quantize_apply(annotated, scheme) if scheme else quantization.quantize_apply(annotated)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            "this model has a layer that quantization-aware training does not know",
            found=str(error)[:300],
            next_step='Use method = "ptq"',
        ) from error
    # One step at a time where zeros are put back after each.
    callbacks, together = ((_zero_keeper(model, aware),), 1) if keep_zeros else ((), 10)
    title = "Quantization-aware training"
    history = fit(aware, task, budget, title, quiet=quiet, callbacks=callbacks, steps_per_execution=together)
    return aware, history


def _zero_keeper(pruned: Any, aware: Any) -> Any:
    """A callback that keeps zero in `aware` what is zero in `pruned`.

    TFMOT's scheme forgets convolutions that a batch normalization follows.
    """
    tf = tensorflow()
    masks = {layer.name: tf.constant(np.asarray(layer.kernel) != 0) for layer in pruned.layers if is_prunable(layer)}
    # The layer's own `kernel` is the rounded tensor by now; the variable is behind the wrapper.
    kept = [
        (variable, masks[layer.name])
        for wrapper in aware.layers
        if (layer := getattr(wrapper, "layer", wrapper)).name in masks
        for variable in wrapper.trainable_weights
        if variable.name.split("/")[-1] == "kernel:0"
    ]

    @tf.function
    def apply() -> None:
        for variable, mask in kept:
            variable.assign(variable * tf.cast(mask, variable.dtype))

    class ZeroKeeper(keras().callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            apply()

    return ZeroKeeper()
