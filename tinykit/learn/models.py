"""Models in tf_keras: built from layers in words, saved, restored, measured.

Classifiers are trained on logits; a final softmax is taken off for training and put back before conversion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data.rows import Samples, chunks
from tinykit.errors import ModelError, RecipeError
from tinykit.learn.backend import keras
from tinykit.learn.layers import Layer, parse_layers
from tinykit.recipe import Model

_BATCH = 512


def build(model: Model, shape: tuple[int, ...], classes: int, prefix: str) -> Any:
    """A fresh model with logits as its output, layers named `prefix_NN_kind`.

    Args:
        model: with `layers`, or with `file`, whose architecture and weights are taken.
        shape: of one sample. classes: how many logits there must be.

    Raises: RecipeError where the layers do not fit the data; ModelError for a file that cannot be used.
    """
    if model.file is not None:
        from tinykit.learn.foreign import load_model

        built = without_softmax(load_model(model.file))
        found_in, found_out = tuple(built.input_shape[1:]), tuple(built.output_shape[1:])
        if found_in != shape or found_out != (classes,):
            raise ModelError(
                f"{model.file} does not fit the data",
                expected=f"input {shape} and {classes} classes",
                found=f"input {found_in} and output {found_out}",
            )
        return built
    words = [text for text in model.layers if text.split()[0] != "softmax"]
    stack = [keras().layers.Input(shape, name=f"{prefix}_input")]
    rank = len(shape)
    for number, (layer, text) in enumerate(zip(parse_layers(tuple(words)), words, strict=True)):
        if layer.kind in _SPATIAL and rank != 3:
            raise RecipeError(
                f"{text!r} needs images (height, width, channels)", found=f"{rank} dimension{'s' if rank > 1 else ''}"
            )
        stack += _make(layer, f"{prefix}_{number:02d}_{layer.kind}", flat=rank == 1)
        rank = 1 if layer.kind in ("dense", "flatten", "globalaverage") else rank
    try:
        built = keras().Sequential(stack, name=prefix)
    except ValueError as error:
        raise RecipeError(f"the layers of the {prefix} do not fit together", found=str(error)[:300]) from error
    if tuple(built.output_shape[1:]) != (classes,):
        raise RecipeError(
            f"the {prefix}'s last layer does not fit the data",
            expected=f"'dense {classes}'",
            found=f"{words[-1]!r}, output {tuple(built.output_shape[1:])}" if words else "no layers",
        )
    return built


_SPATIAL = ("conv", "depthwise", "pool", "average", "globalaverage")


def _make(layer: Layer, name: str, flat: bool) -> list[Any]:
    """The Keras layers of one layer in words: what must come before it, itself, and an activation of its own."""
    layers = keras().layers
    # relu6 is a layer of its own: as an activation Keras 2 knows no name for it, and so could not restore it.
    fused = layer.activation if layer.activation == "relu" else None
    made = {
        "conv": lambda: layers.Conv2D(
            layer.units, layer.window, layer.stride, layer.padding, activation=fused, name=name
        ),
        "depthwise": lambda: layers.DepthwiseConv2D(
            layer.window, layer.stride, layer.padding, activation=fused, name=name
        ),
        "dense": lambda: layers.Dense(layer.units, activation=fused, name=name),
        "pool": lambda: layers.MaxPooling2D(layer.window, name=name),
        "average": lambda: layers.AveragePooling2D(layer.window, name=name),
        "globalaverage": lambda: layers.GlobalAveragePooling2D(name=name),
        "flatten": lambda: layers.Flatten(name=name),
        "dropout": lambda: layers.Dropout(layer.rate, name=name),
        "batchnorm": lambda: layers.BatchNormalization(name=name),
        "relu": lambda: layers.ReLU(name=name),
        "relu6": lambda: layers.ReLU(6.0, name=name),
    }[layer.kind]()
    before = [layers.Flatten(name=f"{name}_flatten")] if layer.kind == "dense" and not flat else []
    after = [layers.ReLU(6.0, name=f"{name}_relu6")] if layer.activation == "relu6" else []
    return [*before, made, *after]


def ends_in_softmax(model: Model) -> bool:
    """Whether the shipped model gives probabilities: its layers end in softmax, or its file does."""
    if model.file is not None:
        from tinykit.learn.foreign import load_model

        return is_softmax(load_model(model.file).layers[-1])
    return model.layers[-1].split()[0] == "softmax"


def is_softmax(layer: Any) -> bool:
    """Whether a layer, or its activation, is a softmax."""
    activation = getattr(layer, "activation", None)
    return type(layer).__name__ == "Softmax" or getattr(activation, "__name__", "") == "softmax"


def without_softmax(model: Any) -> Any:
    """A copy with logits as its output: a final softmax layer is left out, a softmax activation becomes linear."""
    last = model.layers[-1]
    if not is_softmax(last):
        return model

    def clone(layer: Any) -> Any:
        changed = {"activation": "linear"} if layer is last else {}
        return type(layer).from_config({**layer.get_config(), **changed})

    ends = model if last.get_weights() else keras().Model(model.input, last.input, name=model.name)
    copy = keras().models.clone_model(ends, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def freeze(model: Any, count: int) -> None:
    """Let the first `count` layers that have weights stay as they are in training; 0 lets all learn again."""
    weighted = [layer for layer in model.layers if layer.get_weights()]
    for number, layer in enumerate(weighted):
        layer.trainable = number >= count


def logits(model: Any, x: Samples) -> np.ndarray:
    """The model's outputs (n, classes) float32 for samples (n, ...)."""
    return np.concatenate([np.asarray(model(part, training=False)) for part in chunks(x, _BATCH)])


def averaged(members: list[Any], x: Samples) -> np.ndarray:
    """The mean of several models' outputs (n, classes)."""
    return np.asarray(np.mean([logits(member, x) for member in members], axis=0))


def accuracy(scores: np.ndarray, y: np.ndarray) -> float:
    """The part of samples whose highest score is at their label; 0 to 1."""
    return float((scores.argmax(axis=-1) == y).mean())


def confusion(scores: np.ndarray, y: np.ndarray, classes: int) -> list[list[int]]:
    """Counts [true][predicted]."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (y, scores.argmax(axis=-1)), 1)
    return [[int(value) for value in row] for row in table]


def save(model: Any, path: Path) -> None:
    """Write a model as .keras (Keras 2's zip form), to be restored by `restore`."""
    model.save(path, save_format="keras")


def restore(path: Path) -> Any:
    """A model that `save` wrote, ready for use but not compiled."""
    return keras().models.load_model(path, compile=False, safe_mode=True)


def is_prunable(layer: Any) -> bool:
    """Whether pruning touches this layer: convolutions and dense layers, not depthwise ones, which are small."""
    return type(layer).__name__ in ("Conv2D", "Dense")


def prunable(model: Any) -> list[Any]:
    """The layers that pruning touches."""
    return [layer for layer in model.layers if is_prunable(layer)]


def kernels(model: Any) -> list[np.ndarray]:
    """The weights that pruning touches."""
    return [np.asarray(layer.kernel) for layer in prunable(model)]


def sparsity(model: Any) -> float:
    """The part of all prunable weights that is exactly zero."""
    weights = kernels(model)
    total = sum(kernel.size for kernel in weights)
    return float(sum(int((kernel == 0).sum()) for kernel in weights) / total) if total else 0.0
