"""Windows of samples to energies: the steps that all spectral front ends share, those of TFLM's micro frontend.

Hann window in 1/4096, shifted up until its largest sample has 15 bits, transformed, |X|^2. Levels are logarithms of
energies with the shift taken out again.
"""

from __future__ import annotations

import functools

import numpy as np

from tinykit.features.bands import WEIGHT_BITS
from tinykit.features.fft import SMALLEST, real_fft
from tinykit.features.fixed import int16, log2, msb

LEVEL_BITS = 8
"""A level counts 1/256 of log2."""


def fft_points(window: int) -> int:
    """Points of the transform of a window of so many samples: the next power of 2."""
    return max(SMALLEST, 1 << (window - 1).bit_length())


@functools.cache
def hann(window: int) -> np.ndarray:
    """0.5 - 0.5 cos(2 pi (i + 0.5) / window), in 1/4096; int16 (window,). The step of the angle is single precision."""
    angle = float(np.float32(2 * np.pi / window)) * (np.arange(window) + 0.5)
    exact = (0.5 - 0.5 * np.cos(angle)).astype(np.float32).astype(np.float64)
    return np.floor(exact * 4096 + 0.5).astype(np.int16)


def energies(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|X|^2 (..., points / 2 + 1) int64 of int16 windows (..., window), and by how many bits each was shifted up."""
    length = windows.shape[-1]
    shaped = int16((windows.astype(np.int32) * hann(length)) >> 12)
    sizes = np.where(shaped == -32768, 0, np.abs(shaped))  # as in 16 bits, where -32768 has no magnitude
    shift = 15 - msb(sizes.max(axis=-1))
    padded = np.zeros((*windows.shape[:-1], fft_points(length)), np.int32)
    padded[..., :length] = int16(shaped << shift[..., np.newaxis].astype(np.int32))
    re, im = real_fft(padded)
    return re.astype(np.int64) ** 2 + im.astype(np.int64) ** 2, shift


def levels(weighted: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """log2 of weighted energies (..., n) int64 in 1/256, less what the shift (...) added; at least 0, int32."""
    above = np.maximum(msb(weighted) - 32, 0)
    fine = log2(np.maximum(weighted >> above, 1))
    level = ((fine + (1 << 7)) >> LEVEL_BITS) + (above << LEVEL_BITS) - (shift[..., np.newaxis] << (LEVEL_BITS + 1))
    return np.where(weighted > 0, np.maximum(level, 0), 0).astype(np.int32)


def bin_levels(energy: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Levels of single bins, on the scale of a band that holds one bin whole."""
    return levels(energy << WEIGHT_BITS, shift)
