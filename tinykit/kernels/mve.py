"""What the kernels for Helium (MVE) share: weights in the order of use, and how windows are cut into runs.

Requantization is TFLM's own, on four sums at a time: VQRDMULH is its first rounding exactly, VRSHL its second but for
halves below zero, which go away from zero: one is taken off negative values before. That costs two instructions and is
left out where the activation clamps all that is negative. It asks for `Sums.down`: shifts to the right of at least 1.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from tinykit.kernels.steps import Sums
from tinykit.plan.model import Pointer

SCRATCH = Pointer("scratch")

LANES, GROUP = 16, 4
"""int8 values in a vector; output channels computed at a time."""

MOST_PIECES = 12
"""Vectors of a run at most: they are unrolled, 56 bytes of code each."""

LONGEST = 4096
"""Values of a window at most."""

STREAM = 4
"""Alignment of packed weights."""


@dataclass(frozen=True)
class Runs:
    """How a window is read: `count` runs, each of `pieces` whole vectors and `rest` values more."""

    count: int
    pieces: int
    rest: int

    @property
    def length(self) -> int:
        """Values of a run."""
        return LANES * self.pieces + self.rest

    @property
    def instructions(self) -> int:
        """Of one window of two pixels and four channels, or of eight channels and one pixel: 8 sums."""
        run = (
            14 * self.pieces + (15 if self.rest else 0) + (1 if self.count * (self.pieces + 1) <= LANES - GROUP else 4)
        )
        return self.count * run


def cut(length: int, rows: int = 1) -> Runs | None:
    """The cheapest equal runs for `rows` kernel rows of `length` values each; None where they are too long."""
    return min(cuts(length, rows), key=lambda runs: (runs.instructions, runs.pieces), default=None)


def cuts(length: int, rows: int = 1) -> list[Runs]:
    """All equal runs for them."""
    if length * rows > LONGEST:
        return []
    parts = [p for p in range(1, length + 1) if length % p == 0 and length // p < LANES * (MOST_PIECES + 1)]
    return [Runs(rows * p, *divmod(length // p, LANES)) for p in parts]


def group_starts(channels: int, group: int = GROUP) -> list[int]:
    """First channels of the groups; the last overlaps the one before where they do not divide."""
    return [*range(0, channels - group + 1, group), *([channels - group] if channels % group else [])]


def packed(rows: np.ndarray, sums: Sums, runs: Runs, *, group: int = GROUP, per_channel: bool = True) -> np.ndarray:
    """Weights int8 (channels, values) as bytes in the order of use: see conv_2d_mve.h and fully_connected_mve.h."""
    pieces = [*[LANES] * runs.pieces, *([runs.rest] if runs.rest else [])]
    starts = np.cumsum([0, *pieces * runs.count])
    parts: list[bytes] = []
    for first in group_starts(len(rows), group):
        channels = slice(first, first + group)
        parts.append(sums.bias[channels].astype("<i4").tobytes())
        parts += [rows[channels, a:b].tobytes() for a, b in itertools.pairwise(starts)]
        if per_channel:
            parts += [sums.multipliers[channels].astype("<i4").tobytes(), (-sums.shifts[channels]).tobytes()]
    return np.frombuffer(b"".join(parts), np.int8)


def is_two_sided(low: int, output_zero_point: int) -> bool:
    """Whether outputs below zero (in real terms) survive the activation's clamp."""
    return low < output_zero_point
