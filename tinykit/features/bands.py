"""Triangular filters that lie evenly on the mel scale, with weights in steps of 1/4096, as TFLM's micro frontend has.

Each frequency bin lies between two centres: `weights` is its part in the lower neighbour's band and `rests` in the
upper one's. What is single and what is double precision is as in TensorFlow's own build of it, so that the tables are
the same; TFLM's source computes them in single precision, which moves one weight in 200 by one step.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from tinykit.errors import RecipeError

WEIGHT_BITS = 12

_F = np.float32


def mel(hertz: np.ndarray) -> np.ndarray:
    """1127 * ln(1 + f / 700), float32 (O'Shaughnessy 1987)."""
    return np.asarray(1127.0 * np.log1p(hertz.astype(_F).astype(np.float64) / 700.0), dtype=_F)


@dataclass(frozen=True, eq=False)
class Bands:
    """`count` bands over the bins from `first` on.

    Attributes: `ends` (count + 1,): the bin behind each gap between centres; `weights` and `rests` int16, one a bin.
    """

    count: int
    first: int
    ends: tuple[int, ...]
    weights: np.ndarray
    rests: np.ndarray

    def matrix(self, bins: int) -> np.ndarray:
        """The same as float64 (bins, count), whole numbers."""
        table = np.zeros((bins, self.count + 2))
        start = self.first
        for gap, end in enumerate(self.ends):
            rows = np.arange(start, end)
            table[rows, gap] += self.weights[rows - self.first]
            table[rows, gap + 1] += self.rests[rows - self.first]
            start = end
        return table[:, 1:-1]


@functools.cache
def bands(count: int, low: float, high: float, rate: int, bins: int) -> Bands:
    """`count` bands from `low` to `high` Hz over `bins` bins (0 Hz to half of `rate`, in Hz).

    Raises: RecipeError where the bands do not lie within these bins.
    """
    if not 0 <= low < high <= rate / 2:
        raise RecipeError(
            "the bands of [features] leave the spectrum",
            expected=f"0 <= low < high <= {rate / 2:g} Hz",
            found=f"{low:g} to {high:g}",
            page="recipe-typo",
        )
    spacing = (mel(np.array(high)) - mel(np.array(low))) / _F(count + 1)
    centres = (mel(np.array(low)) + spacing * np.arange(1, count + 2).astype(_F)).astype(_F)
    width = _F(0.5 * rate / (bins - 1))
    first = int(1.5 + float(_F(low) / width))
    places = mel(np.arange(bins + 1).astype(_F) * width)
    ends = np.maximum(np.searchsorted(places, centres, side="right"), first)
    if ends[-1] >= bins:
        raise RecipeError(
            "the bands of [features] reach the last bin of the spectrum",
            expected=f"high below {float(width) * (bins - 1):g} Hz",
            found=f"{high:g}",
            page="recipe-typo",
        )
    gap = np.searchsorted(ends, np.arange(first, ends[-1]), side="right")
    below = np.concatenate([mel(np.array([low])), centres])
    part = (centres[gap] - places[first : ends[-1]]) / (centres[gap] - below[gap])
    exact = part.astype(np.float64)
    weights, rests = (np.floor(p * (1 << WEIGHT_BITS) + 0.5).astype(np.int16) for p in (exact, 1 - exact))
    return Bands(count, first, tuple(int(end) for end in ends), weights, rests)
