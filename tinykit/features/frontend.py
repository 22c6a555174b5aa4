"""A front end whole: raw samples to features to a model's int8 input, all in integers.

front.counts(recorded) -> int16, as the device's sensor gives them; front.values(counts) -> features, int32;
front.inputs(counts, scale, zero_point) -> the model's int8 input, as the generated C makes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tinykit.errors import DataError
from tinykit.features.transforms import Transform

_CHUNK = 2048
"""Windows that are transformed at a time."""

_LARGEST = 32767


@dataclass(frozen=True)
class FrontEnd:
    """Windows of `transform.window` moments every `hop` moments, out of `samples` moments of `channels` values each.

    Attributes:
        resolution: what one count of the device's sensor is worth in the units of the training data.
        means, deviations: of each column over the training samples, () before they are learned; the means are whole.
    """

    transform: Transform
    hop: int
    samples: int
    channels: int = 1
    resolution: float = 1.0
    means: tuple[int, ...] = ()
    deviations: tuple[float, ...] = ()

    @property
    def frames(self) -> int:
        """Windows in a sample; what follows the last whole one is not used."""
        return 1 + (self.samples - self.transform.window) // self.hop

    @property
    def columns(self) -> int:
        """Values of a window, of one channel after the other."""
        return self.channels * self.transform.columns

    @property
    def shape(self) -> tuple[int, ...]:
        """One sample's features as a model reads them: an image of one channel, or a row where there is one window."""
        return (self.columns,) if self.frames == 1 else (self.frames, self.columns, 1)

    @property
    def raw_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes that a raw sample may have: moments x channels, also as an image of width 1."""
        shapes = ((self.samples, self.channels), (self.samples, 1, self.channels))
        return ((self.samples,), *shapes) if self.channels == 1 else shapes

    @property
    def moments(self) -> int:
        """How many moments a whole input needs."""
        return self.transform.window + (self.frames - 1) * self.hop

    def words(self) -> tuple[str, ...]:
        """Names of the columns."""
        words = self.transform.words()
        if self.channels == 1:
            return words
        return tuple(f"channel {c} {word}" for c in range(self.channels) for word in words)

    def counts(self, recorded: np.ndarray) -> np.ndarray:
        """Raw samples (n, samples) or (n, samples, channels) as int16 counts (n, samples, channels), clamped.

        Raises: DataError for another shape.
        """
        if recorded.shape[1:] not in self.raw_shapes:
            raise DataError(
                "the samples do not fit the front end",
                expected=("n", *self.raw_shapes[0]),
                found=recorded.shape,
                page="bad-data",
            )
        whole = recorded.reshape(len(recorded), self.samples, self.channels)
        if whole.dtype == np.int16:
            return whole
        return np.clip(np.rint(whole.astype(np.float64) / self.resolution), -32768, 32767).astype(np.int16)

    def values(self, counts: np.ndarray) -> np.ndarray:
        """Features (n, frames, columns) int32 of counts (n, samples, channels)."""
        window, step = self.transform.window, max(1, _CHUNK // self.frames)
        parts = []
        for start in range(0, max(1, len(counts)), step):
            views = np.lib.stride_tricks.sliding_window_view(counts[start : start + step], window, axis=1)
            channels = [self.transform.values(views[:, :: self.hop, c]) for c in range(self.channels)]
            parts.append(np.concatenate(channels, axis=-1))
        return np.concatenate(parts)

    def learned(self, counts: np.ndarray) -> FrontEnd:
        """This front end with each column's mean and deviation over training counts; one that is constant keeps 1."""
        return self.learned_in_parts([counts])

    def learned_in_parts(self, parts: Iterable[np.ndarray]) -> FrontEnd:
        """As `learned`, of counts in parts (m, samples, channels), of which one is held at a time. Sums are exact."""
        number, totals, squares = 0, np.zeros(self.columns, np.int64), np.zeros(self.columns, np.int64)
        for part in parts:
            rows = self.values(part).astype(np.int64).reshape(-1, self.columns)
            number, totals, squares = number + len(rows), totals + rows.sum(axis=0), squares + (rows * rows).sum(axis=0)
        sums = list(zip(totals.tolist(), squares.tolist(), strict=True))
        deviations = [math.sqrt(number * square - total * total) / number or 1.0 for total, square in sums]
        means = tuple(round(total / number) for total, _ in sums)
        return replace(self, means=means, deviations=tuple(float(np.float32(d)) for d in deviations))

    def normalized(self, counts: np.ndarray) -> np.ndarray:
        """Features as a model is trained on them: (value - mean) / deviation, float32 (n, *shape)."""
        away = self.values(counts) - np.array(self.means, np.int32)
        return (away / np.array(self.deviations)).astype(np.float32).reshape(len(counts), *self.shape)

    def factors(self, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """How a difference from the mean becomes steps of an input scale: factor / 2**shift.

        int16 (columns,) of 15 bits, and int (columns,) from 1 to 30.
        """
        exact = 1.0 / (np.array(self.deviations) * scale)
        shifts = np.clip(15 - np.frexp(exact)[1], 1, 30)
        factors = np.floor(exact * np.exp2(shifts) + 0.5)
        return np.minimum(factors, _LARGEST).astype(np.int16), shifts.astype(np.int64)

    def inputs(self, counts: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
        """Features as a model's int8 input (n, *shape), to the nearest, halves up: the generated C's very bytes."""
        factors, shifts = self.factors(scale)
        away = np.clip(self.values(counts).astype(np.int64) - np.array(self.means, np.int64), -_LARGEST, _LARGEST)
        steps = (away * factors + (np.int64(1) << (shifts - 1))) >> shifts
        return np.clip(steps + zero_point, -128, 127).astype(np.int8).reshape(len(counts), *self.shape)
