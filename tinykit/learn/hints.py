"""What a teacher knows inside: features of its layers that layers of the student shall reproduce.

Two kinds: hints, the features themselves, which the student's reach through a 1x1 convolution of its own that is thrown
away after training (FitNets, Romero 2015); and attention, the map of squared activations summed over channels, scaled
to length 1 (Zagoruyko, Komodakis 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.data.rows import Samples, chunks
from tinykit.errors import ModelError
from tinykit.learn.backend import keras, tensorflow

_BATCH = 256


@dataclass(frozen=True)
class Feature:
    """A pair of layers. `kind` is "hint" or "attention"; `shape` the teacher's feature (height, width, channels)."""

    kind: str
    teacher: str
    student: str
    shape: tuple[int, ...] = ()


def pairs(hints: tuple[str, ...], attention: tuple[str, ...]) -> tuple[Feature, ...]:
    """The features that a recipe names, as "TEACHER LAYER -> STUDENT LAYER"; shapes are not known yet."""
    found = []
    for kind, texts in (("hint", hints), ("attention", attention)):
        for text in texts:
            teacher, student = (name.strip() for name in text.split("->"))
            found.append(Feature(kind, teacher, student))
    return tuple(found)


def shaped(features: tuple[Feature, ...], teacher: Any, student: Any) -> tuple[Feature, ...]:
    """The features with the teacher's shapes.

    Raises: ModelError for a layer that is not there, or two whose height and width differ.
    """
    known = []
    for feature in features:
        there = tuple(_layer(teacher, feature.teacher, "teacher").output.shape[1:])
        here = tuple(_layer(student, feature.student, "student").output.shape[1:])
        dense = feature.kind == "hint" and len(there) == len(here) == 1
        if not dense and (len(there) != 3 or len(here) != 3 or there[:2] != here[:2]):
            raise ModelError(
                f"the layers {feature.teacher!r} and {feature.student!r} cannot be compared",
                expected="images of equal height and width" + (", or two vectors" if feature.kind == "hint" else ""),
                found=f"{there} and {here}",
                next_step="Name layers behind the same number of pools and strides",
            )
        known.append(Feature(feature.kind, feature.teacher, feature.student, there))
    return tuple(known)


def teacher_features(teacher: Any, features: tuple[Feature, ...], x: Samples) -> np.ndarray:
    """The teacher's features (n, all of them flat) float32 for samples (n, ...)."""
    if not features:
        return np.zeros((len(x), 0), np.float32)
    outputs = [_flat(feature, _layer(teacher, feature.teacher, "teacher").output) for feature in features]
    inner = keras().Model(teacher.input, keras().layers.Concatenate()(outputs) if outputs[1:] else outputs[0])
    return np.concatenate([np.asarray(inner(part, training=False)) for part in chunks(x, _BATCH)])


def with_features(model: Any, features: tuple[Feature, ...]) -> Any:
    """`model` itself, or, where there are features, a model around it that gives [logits | features], to be trained."""
    if not features:
        return model
    outputs = []
    for feature in features:
        inner = _layer(model, feature.student, "student").output
        if feature.kind == "hint":
            width = feature.shape[-1]
            adapter = keras().layers.Dense(width) if len(feature.shape) == 1 else keras().layers.Conv2D(width, 1)
            inner = adapter(inner)
        outputs.append(_flat(feature, inner))
    return keras().Model(model.input, keras().layers.Concatenate()([model.output, *outputs]))


def _layer(model: Any, name: str, whose: str) -> Any:
    """A layer by its name; quantization-aware training puts quant_ before it."""
    for layer in model.layers:
        if layer.name in (name, f"quant_{name}"):
            return layer
    raise ModelError(
        f"the {whose} has no layer {name!r}", expected=f"one of {', '.join(layer.name for layer in model.layers)}"
    )


def _flat(feature: Feature, tensor: Any) -> Any:
    if feature.kind == "hint":
        return keras().layers.Flatten()(tensor)
    tf = tensorflow()

    def attention(features: Any) -> Any:
        energy = tf.reduce_sum(features**2, axis=-1)
        return tf.math.l2_normalize(tf.reshape(energy, (-1, energy.shape[1] * energy.shape[2])), axis=-1)

    return keras().layers.Lambda(attention)(tensor)
