"""Recurrent layers, unrolled while a model is converted: the converter cannot quantize a loop, and crashes on one.

A plain LSTM is left alone: the converter makes one operator of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tinykit.errors import ModelError

_SWITCHES = {"unroll": True, "_could_use_gpu_kernel": False}
"""What makes a recurrent layer of Keras 2 or 3 write out its steps; the second where there is one."""


@contextlib.contextmanager
def unrolled(model: Any) -> Iterator[None]:
    """While this lasts, the model's recurrent layers write out their steps when they are called.

    Raises: ModelError for a recurrent layer of convolutions, which Keras cannot unroll.
    """
    layers = list(model._flatten_layers())
    has_mask = any(type(layer).__name__ == "Masking" or getattr(layer, "mask_zero", False) for layer in layers)
    loops = [layer for layer in layers if _is_loop(layer) and not (_is_fused(layer) and not has_mask)]
    kept = [
        (layer, name, getattr(layer, name))
        for layer in loops
        for name in _SWITCHES
        if getattr(layer, name, None) is not None
    ]
    try:
        for layer, name, _ in kept:
            setattr(layer, name, _SWITCHES[name])
        yield
    finally:
        for layer, name, value in kept:
            setattr(layer, name, value)


def _is_loop(layer: Any) -> bool:
    kind = type(layer).__name__
    if kind.startswith("ConvLSTM"):
        raise ModelError(
            f"the layer '{layer.name}' ({kind}) is a loop, which the converter cannot quantize",
            next_step="Use convolutions over a window of frames, or an RNN of your own with unroll=True",
        )
    return hasattr(layer, "cell") and getattr(layer, "unroll", True) is False


def _is_fused(layer: Any) -> bool:
    """Whether the converter knows the layer's loop: an LSTM of Keras 2 with the usual activations."""
    return type(layer).__name__ == "LSTM" and bool(getattr(layer, "_could_use_gpu_kernel", False))
