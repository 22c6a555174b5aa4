"""A Keras 3 model rebuilt in Keras 2, layer by layer, weights copied, and the result compared with the original."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn.backend import keras

_NOT_CARRIED = ("dtype", "kernel_initializer", "bias_initializer", "depthwise_initializer", "pointwise_initializer",
                "beta_initializer", "gamma_initializer", "moving_mean_initializer", "moving_variance_initializer",
                "kernel_regularizer", "bias_regularizer", "depthwise_regularizer", "activity_regularizer",
                "pointwise_regularizer", "beta_regularizer", "gamma_regularizer")  # fmt: skip
"""Settings that only matter when training starts or that the two versions write differently."""
_TOLERANCE = 1e-4


def rebuild(original: Any, path: Path | str) -> Any:
    """The model in tf_keras.

    Args:
        original: a Keras 3 Sequential or functional model with one input and one output.
        path: the file that it comes from, or words for it, to name it by in errors.

    Raises: ModelError for a layer that Keras 2 does not have, or where the two models do not agree.
    """
    if len(original.inputs) != 1 or len(original.outputs) != 1:
        raise ModelError(
            f"{path} cannot be rebuilt",
            expected="one input and one output",
            found=f"{len(original.inputs)} and {len(original.outputs)}",
        )
    tensors: dict[int, Any] = {}
    source = keras().layers.Input(tuple(original.inputs[0].shape[1:]), name="rebuilt_input")
    tensors[id(original.inputs[0])] = source
    layers: dict[int, Any] = {}
    for operation, inputs, outputs in _calls(original, path):
        if id(operation) not in layers:
            layers[id(operation)] = _layer(operation, path)
        arguments = [tensors[id(tensor)] for tensor in inputs]
        result = layers[id(operation)](arguments if len(arguments) > 1 else arguments[0])
        tensors[id(outputs[0])] = result
        if weights := operation.get_weights():
            layers[id(operation)].set_weights(weights)
    model = keras().Model(source, tensors[id(original.outputs[0])], name="rebuilt")
    _compare(original, model, path)
    return model


def _calls(original: Any, path: Path | str) -> list[tuple[Any, list[Any], list[Any]]]:
    """Every layer call that leads to the output: (layer, input tensors, output tensors), in order."""
    functional = getattr(original, "_functional", None) or original
    by_depth = getattr(functional, "_nodes_by_depth", None)
    if by_depth is None:
        raise ModelError(f"{path} is a subclassed model, which cannot be rebuilt", found=type(original).__name__)
    calls = []
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if type(node.operation).__name__ != "InputLayer":
                calls.append((node.operation, list(node.input_tensors), list(node.output_tensors)))
    return calls


def _layer(operation: Any, path: Path | str) -> Any:
    kind = type(operation).__name__
    layer_class = getattr(keras().layers, kind, None)
    if layer_class is None or not hasattr(operation, "get_config"):
        raise ModelError(
            f"the layer {operation.name!r} ({kind}) of {path} has no counterpart in Keras 2",
            next_step="Quantize the file as it is with: tinykit quantize",
        )
    accepted: set[str] = set()
    for base in layer_class.__mro__:
        accepted |= set(inspect.signature(base.__init__).parameters)
    config = operation.get_config()
    if kind == "DepthwiseConv2D":
        accepted -= {"filters", "groups"}
    kept = {k: v for k, v in config.items() if k in accepted | {"name"} and k not in _NOT_CARRIED}
    try:
        return layer_class(**kept)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the layer {operation.name!r} ({kind}) of {path} cannot be rebuilt", found=error) from error


def _compare(original: Any, model: Any, path: Path | str) -> None:
    x = np.random.default_rng(0).random((4, *model.input_shape[1:])).astype(np.float32)
    expected, found = np.asarray(original(x, training=False)), np.asarray(model(x, training=False))
    difference = float(np.abs(expected - found).max()) if expected.shape == found.shape else float("inf")
    if not difference <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ModelError(
            f"{path} rebuilt in Keras 2 gives other results",
            expected=f"a difference of at most {_TOLERANCE}",
            found=difference,
        )
