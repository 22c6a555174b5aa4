"""The Fourier transform of real int16 samples in 16-bit fixed point: radix 4, and one pass of radix 2 where needed.

This is the arithmetic of KISS FFT's 16-bit build, which TFLM's micro frontend uses. Scaling rule: every pass of radix p
first multiplies by floor(32767 / p) / 32768, with rounding, so that no sum overflows; the whole transform is divided by
its length, less a few parts in 10000 that these factors lose.
"""

from __future__ import annotations

import functools

import numpy as np

from tinykit.features.fixed import int16

SMALLEST, LARGEST = 8, 4096
"""Points of a transform."""

_ONE = 32767
_HALF_STEP = 1 << 14


@functools.cache
def passes(points: int) -> tuple[int, ...]:
    """The radix of each pass over `points` complex values, a power of 2, the outermost first."""
    found = []
    while points > 1:
        found.append(4 if points % 4 == 0 else 2)
        points //= found[-1]
    return tuple(found)


def positions(points: int) -> np.ndarray:
    """Where each of `points` complex inputs stands before the innermost pass; int64 (points,)."""
    number, place, span = np.arange(points), np.zeros(points, np.int64), points
    for radix in passes(points):
        span //= radix
        place += number % radix * span
        number //= radix
    return place


def twiddles(points: int) -> np.ndarray:
    """exp(-2 pi i k / points) for k < points, in steps of 1/32767; int16 (points, 2)."""
    return _unit(-2 * np.pi * np.arange(points) / points)


def real_twiddles(points: int) -> np.ndarray:
    """The rotations that part two real transforms of `points` complex values; int16 (points / 2, 2)."""
    return _unit(-np.pi * ((np.arange(points // 2) + 1) / points + 0.5))


def _unit(angles: np.ndarray) -> np.ndarray:
    return np.floor(0.5 + _ONE * np.stack([np.cos(angles), np.sin(angles)], axis=-1)).astype(np.int16)


def real_fft(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary parts (..., n / 2 + 1) in int32 of int16 samples (..., n), n a power of 2 from 8 on."""
    points = samples.shape[-1] // 2
    pairs = samples.astype(np.int32).reshape(*samples.shape[:-1], points, 2)
    order = np.argsort(positions(points))
    re, im = pairs[..., order, 0], pairs[..., order, 1]
    span = 1
    for radix in reversed(passes(points)):
        re, im = (_radix4 if radix == 4 else _radix2)(re, im, span, points)
        span *= radix
    return _part(re, im)


def _times(values: np.ndarray, factor: int) -> np.ndarray:
    return np.asarray((values * factor + _HALF_STEP) >> 15)


def _rotate(re: np.ndarray, im: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    c, s = by[:, 0].astype(np.int32), by[:, 1].astype(np.int32)
    return int16((re * c - im * s + _HALF_STEP) >> 15), int16((re * s + im * c + _HALF_STEP) >> 15)


def _radix2(re: np.ndarray, im: np.ndarray, span: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """One pass of radix 2 over blocks of 2 * span values."""
    shape = re.shape
    re, im = (_times(v, _ONE // 2).reshape(*shape[:-1], -1, 2, span) for v in (re, im))
    turn = twiddles(points)[np.arange(span) * (points // (2 * span))]
    r, i = _rotate(re[..., 1, :], im[..., 1, :], turn)
    re = np.stack([re[..., 0, :] + r, re[..., 0, :] - r], axis=-2)
    im = np.stack([im[..., 0, :] + i, im[..., 0, :] - i], axis=-2)
    return int16(re).reshape(shape), int16(im).reshape(shape)


def _radix4(re: np.ndarray, im: np.ndarray, span: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """One pass of radix 4 over blocks of 4 * span values."""
    shape = re.shape
    re, im = (_times(v, _ONE // 4).reshape(*shape[:-1], -1, 4, span) for v in (re, im))
    table, step = twiddles(points), np.arange(span) * (points // (4 * span))
    r1, i1 = _rotate(re[..., 1, :], im[..., 1, :], table[step])
    r2, i2 = _rotate(re[..., 2, :], im[..., 2, :], table[2 * step])
    r3, i3 = _rotate(re[..., 3, :], im[..., 3, :], table[3 * step])
    r0, i0 = re[..., 0, :], im[..., 0, :]
    even_r, even_i, odd_r, odd_i = (int16(v) for v in (r0 + r2, i0 + i2, r0 - r2, i0 - i2))
    sum_r, sum_i, less_r, less_i = (int16(v) for v in (r1 + r3, i1 + i3, r1 - r3, i1 - i3))
    re = np.stack([even_r + sum_r, odd_r + less_i, even_r - sum_r, odd_r - less_i], axis=-2)
    im = np.stack([even_i + sum_i, odd_i - less_r, even_i - sum_i, odd_i + less_r], axis=-2)
    return int16(re).reshape(shape), int16(im).reshape(shape)


def _part(re: np.ndarray, im: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The spectrum of 2n real samples from the transform (..., n) of their pairs."""
    points = re.shape[-1]
    re, im = _times(re, _ONE // 2), _times(im, _ONE // 2)
    k = np.arange(1, points // 2 + 1)
    up_r, up_i, down_r, down_i = re[..., k], im[..., k], re[..., points - k], -im[..., points - k]
    t_r, t_i = _rotate(int16(up_r - down_r), int16(up_i - down_i), real_twiddles(points))
    s_r, s_i = int16(up_r + down_r), int16(up_i + down_i)
    out_r = np.zeros((*re.shape[:-1], points + 1), np.int32)
    out_i = np.zeros_like(out_r)
    out_r[..., 0], out_r[..., points] = int16(re[..., 0] + im[..., 0]), int16(re[..., 0] - im[..., 0])
    out_r[..., points - k], out_i[..., points - k] = (s_r - t_r) >> 1, (t_i - s_i) >> 1
    out_r[..., k], out_i[..., k] = (s_r + t_r) >> 1, (s_i + t_i) >> 1
    return out_r, out_i
