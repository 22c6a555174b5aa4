"""Quantization-aware training by TFMOT; the prune-preserving scheme where pruned zeros must stay."""

from __future__ import annotations

from typing import Any

from tinykit.errors import ModelError
from tinykit.learn.backend import keras, tfmot
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
    history = fit(aware, task, budget, "Quantization-aware training", quiet=quiet)
    return aware, history
