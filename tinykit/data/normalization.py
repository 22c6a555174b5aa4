"""Normalization: mean and deviation of each channel, learned on training samples, the same in Python and in C.

A model that is trained on normalized values gets them on the device from raw ones by `quantize`'s arithmetic, which the
generated C repeats (codegen/values.py). It is one float32 subtraction, one product and a cut towards zero, then
integers: no sum follows a product, so no compiler can fuse the two and round differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

HALVES_LIMIT = 1024.0
"""Half steps beyond which a value is out of int8's range whatever the zero point."""


@dataclass(frozen=True, eq=False)
class Normalization:
    """`mean` and `deviation`, each (channels,) float32: of the samples' last axis, over all others."""

    mean: np.ndarray
    deviation: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """(x - mean) / deviation, float32, the shape of `x` (n, ..., channels)."""
        return np.asarray((x.astype(np.float32) - self.mean) / self.deviation, dtype=np.float32)

    def factors(self, scale: float) -> np.ndarray:
        """What a difference from the mean is multiplied with to become half steps of an input scale; float32."""
        return np.asarray(2.0 / (self.deviation.astype(np.float64) * scale), dtype=np.float32)

    def quantize(self, raw: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
        """Raw values (n, ..., channels) as int8 input, halves away from zero, clamped; NaN becomes the lowest value."""
        with np.errstate(over="ignore", invalid="ignore"):
            halves = (raw.astype(np.float32) - self.mean) * self.factors(scale)
        halves = np.where(halves > -HALVES_LIMIT, np.minimum(halves, np.float32(HALVES_LIMIT)), -HALVES_LIMIT)
        cut = np.trunc(halves).astype(np.int32)
        steps = np.sign(cut) * ((np.abs(cut) + 1) // 2)
        return np.clip(steps + zero_point, -128, 127).astype(np.int8)


def learn(x: np.ndarray) -> Normalization:
    """The normalization of training samples (n, ..., channels). A channel that never changes keeps its size."""
    values = x.astype(np.float64).reshape(-1, x.shape[-1])
    return _normalization(values.mean(axis=0), values.std(axis=0))


def learn_in_parts(parts: Callable[[], Iterable[np.ndarray]]) -> Normalization:
    """As `learn`, of samples in parts (m, ..., channels) that come twice: for the mean, and for the deviation."""
    mean = _mean(parts(), lambda values: values)
    return _normalization(mean, np.sqrt(_mean(parts(), lambda values: (values - mean) ** 2)))


def _mean(parts: Iterable[np.ndarray], of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    total, count = np.zeros(1), 0
    for part in parts:
        values = part.astype(np.float64).reshape(-1, part.shape[-1])
        total, count = total + of(values).sum(axis=0), count + len(values)
    return total / count


def _normalization(mean: np.ndarray, deviation: np.ndarray) -> Normalization:
    # What float32 cannot tell apart counts as equal.
    constant = deviation <= np.maximum(1e-30, 1e-7 * np.abs(mean))
    return Normalization(mean.astype(np.float32), np.where(constant, 1.0, deviation).astype(np.float32))
