"""The kinds of front end: what one window of one channel becomes. Each is a frozen dataclass with

columns -> how many values a window gives; values(windows (clips, frames, window) int16) -> (clips, frames, columns)
int32, the frames of a clip in their order; words() -> the columns' names.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from tinykit.features import micro
from tinykit.features.bands import Bands, bands
from tinykit.features.fixed import floor_root
from tinykit.features.spectral import bin_levels, energies, fft_points, levels

STATISTICS = ("mean", "min", "max", "rms", "deviation", "crossings")
"""What `Statistics` can tell of a window; docs/features.md has the definitions."""

DCT_BITS = 13
MFCC_SHIFT = 15


class Transform(Protocol):
    """One kind of front end."""

    kind: ClassVar[str]

    @property
    def window(self) -> int:
        """Samples of a channel that it reads at a time."""

    @property
    def columns(self) -> int:
        """Values that it makes of them."""

    def values(self, windows: np.ndarray) -> np.ndarray:
        """(clips, frames, columns) int32 of int16 windows (clips, frames, window)."""

    def words(self) -> tuple[str, ...]:
        """What the columns are."""


@dataclass(frozen=True)
class Statistics:
    """Figures of a window, in counts. `names`: of STATISTICS, in the order in which they become columns."""

    window: int
    names: tuple[str, ...] = STATISTICS
    kind: ClassVar[str] = "statistics"

    @property
    def columns(self) -> int:
        """One a name."""
        return len(self.names)

    def values(self, windows: np.ndarray) -> np.ndarray:
        """See `Transform`."""
        x, n = windows.astype(np.int64), self.window
        total, squares = x.sum(axis=-1), (x * x).sum(axis=-1)
        mean = np.sign(total) * ((np.abs(total) + n // 2) // n)
        above = x >= mean[..., np.newaxis]
        made = {
            "mean": mean,
            "min": x.min(axis=-1),
            "max": x.max(axis=-1),
            "rms": floor_root(squares // n),
            "deviation": floor_root((n * squares - total * total) // (n * n)),
            "crossings": (above[..., 1:] != above[..., :-1]).sum(axis=-1),
        }
        return np.stack([made[name] for name in self.names], axis=-1).astype(np.int32)

    def words(self) -> tuple[str, ...]:
        """See `Transform`."""
        return self.names


@dataclass(frozen=True)
class Spectrum:
    """Levels of the transform's bins from `low` to `high` Hz at `rate` samples a second, but not of the bin of 0 Hz."""

    window: int
    rate: float
    low: float
    high: float
    kind: ClassVar[str] = "spectrum"

    @property
    def bins(self) -> range:
        """Which bins."""
        step, half = self.rate / fft_points(self.window), fft_points(self.window) // 2
        return range(max(1, math.ceil(self.low / step)), min(half, math.floor(self.high / step)) + 1)

    @property
    def columns(self) -> int:
        """One a bin."""
        return len(self.bins)

    def values(self, windows: np.ndarray) -> np.ndarray:
        """See `Transform`."""
        energy, shift = energies(windows)
        return bin_levels(energy[..., self.bins.start : self.bins.stop], shift)

    def words(self) -> tuple[str, ...]:
        """See `Transform`."""
        step = self.rate / fft_points(self.window)
        return tuple(f"{k * step:g} Hz" for k in self.bins)


@dataclass(frozen=True)
class Mel:
    """Levels of `count` triangular bands from `low` to `high` Hz, evenly on the mel scale."""

    window: int
    rate: float
    low: float
    high: float
    count: int
    kind: ClassVar[str] = "mel"

    @property
    def columns(self) -> int:
        """One a band."""
        return self.count

    @property
    def bands(self) -> Bands:
        """The filters. Raises: RecipeError where they leave the spectrum."""
        return bands(self.count, self.low, self.high, self.rate, fft_points(self.window) // 2 + 1)

    def weighted(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted energies (..., count) int64 and shifts (...). Sums stay below 2**53, where float64 is exact."""
        energy, shift = energies(windows)
        return (energy.astype(np.float64) @ self.bands.matrix(energy.shape[-1])).astype(np.int64), shift

    def values(self, windows: np.ndarray) -> np.ndarray:
        """See `Transform`."""
        return levels(*self.weighted(windows))

    def words(self) -> tuple[str, ...]:
        """See `Transform`."""
        return tuple(f"band {k}" for k in range(self.columns))


@dataclass(frozen=True)
class Mfcc(Mel):
    """The first `coefficients` of the orthonormal DCT-II of mel levels, in 1/64 of log2."""

    coefficients: int = 10
    kind: ClassVar[str] = "mfcc"

    @property
    def columns(self) -> int:
        """One a coefficient."""
        return self.coefficients

    def values(self, windows: np.ndarray) -> np.ndarray:
        """See `Transform`."""
        sums = levels(*self.weighted(windows)).astype(np.int64) @ dct(self.count, self.coefficients).T.astype(np.int64)
        return np.asarray((sums + (1 << (MFCC_SHIFT - 1))) >> MFCC_SHIFT, dtype=np.int32)

    def words(self) -> tuple[str, ...]:
        """See `Transform`."""
        return tuple(f"coefficient {k}" for k in range(self.columns))


@dataclass(frozen=True)
class Micro(Mel):
    """TFLM's micro frontend with its default constants; `gain_control`: its PCAN."""

    gain_control: bool = True
    kind: ClassVar[str] = "micro"

    def values(self, windows: np.ndarray) -> np.ndarray:
        """See `Transform`; the noise estimate starts at 0 with each clip."""
        weighted, shift = self.weighted(windows)
        return micro.finish(weighted, shift, fft_points(self.window), self.gain_control)


@functools.cache
def dct(count: int, coefficients: int) -> np.ndarray:
    """The orthonormal DCT-II in 1/8192: int16 (coefficients, count)."""
    k, m = np.arange(coefficients)[:, np.newaxis], np.arange(count)
    exact = np.cos(np.pi * k * (m + 0.5) / count) * np.where(k == 0, np.sqrt(1 / count), np.sqrt(2 / count))
    return np.floor(exact * (1 << DCT_BITS) + 0.5).astype(np.int16)


KINDS: dict[str, type] = {kind.kind: kind for kind in (Statistics, Spectrum, Mel, Mfcc, Micro)}
