"""How much a weight matters: its size, or what the loss would say of its absence."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.data.rows import Samples
from tinykit.learn.backend import tensorflow
from tinykit.learn.models import prunable

_SAMPLES = 128
"""Samples that the second-order saliency looks at."""


def saliency(model: Any, x: Samples, method: str, seed: int, samples: int = _SAMPLES) -> dict[str, np.ndarray]:
    """Each prunable layer's saliency, by layer name, of its kernel's shape.

    Args:
        model: gives logits. x: samples (n, ...), of which at most `samples` are drawn for "obd".
        method: "magnitude", the weight's square; or "obd", Optimal Brain Damage (LeCun, Denker, Solla 1989):
            h w^2 / 2 with h the diagonal of the loss's Hessian.
    """
    layers = prunable(model)
    if method == "magnitude":
        return {layer.name: np.asarray(layer.kernel) ** 2 for layer in layers}
    curvature = _curvature(model, [layer.kernel for layer in layers], x[_drawn(x, samples, seed)], seed)
    return {layer.name: h * np.asarray(layer.kernel) ** 2 / 2 for layer, h in zip(layers, curvature, strict=True)}


def _drawn(x: Samples, samples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(len(x))[:samples]


def _curvature(model: Any, kernels: list[Any], x: np.ndarray, seed: int) -> list[np.ndarray]:
    """The diagonal of the Gauss-Newton matrix of cross entropy, averaged over samples.

    It equals the mean squared gradient of -log p(c | x) where c is drawn from the model's own answer p (the Fisher
    information; Martens 2014, "New insights and perspectives on the natural gradient method").
    """
    tf, random = tensorflow(), np.random.default_rng(seed)

    @tf.function(reduce_retracing=True)
    def squares(sample: Any, luck: Any) -> Any:
        with tf.GradientTape() as tape:
            scores = model(sample, training=False)
            reached = tf.cumsum(tf.nn.softmax(tf.stop_gradient(scores)), axis=-1)
            drawn = tf.reduce_sum(tf.cast(reached < luck, tf.int32), axis=-1)
            drawn = tf.minimum(drawn, scores.shape[-1] - 1)
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(drawn, scores))
        return [gradient**2 for gradient in tape.gradient(loss, kernels)]

    totals = [np.zeros(tuple(kernel.shape), np.float64) for kernel in kernels]
    for row, luck in zip(x, random.random(len(x), dtype=np.float32), strict=True):
        found = squares(row[np.newaxis], tf.constant(luck))
        totals = [total + np.asarray(square) for total, square in zip(totals, found, strict=True)]
    return [total / len(x) for total in totals]
