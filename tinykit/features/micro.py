"""What TFLM's micro frontend does with the bands of one frame after another: noise reduction, gain control, logarithm.

The constants are its defaults. Byte-equality is proven against the operator that TensorFlow ships.
"""

from __future__ import annotations

import functools

import numpy as np

from tinykit.features.fixed import int16, log2, msb, square_root

SMOOTHING_BITS = 10
SMOOTHING = (int(0.025 * (1 << 14)), int(0.06 * (1 << 14)))
"""Part of a new frame in the noise estimate of even and odd bands, in 1/16384."""
REMAINING = int(0.05 * (1 << 14))
"""Part of the signal that noise reduction leaves at least, in 1/16384."""
GAIN_BITS, GAIN_STRENGTH, GAIN_OFFSET = 21, 0.95, 80.0
SNR_BITS, GAIN_OUTPUT_BITS = 12, 6
LOG_SCALE, LOG_COEFFICIENT = 6, 45426
"""The output counts 1/64 of natural logarithms; 45426 / 65536 is ln 2."""

_WORD = np.int64(0xFFFFFFFF)


def correction(points: int) -> int:
    """Bits by which the FFT's and the weights' scaling moved the signal; `points` of the FFT."""
    return points.bit_length() - 1 - 6


@functools.cache
def gain_table(points: int) -> np.ndarray:
    """The gain by noise estimate: values at 0 and 1, then for each power of 2 three coefficients and a gap; int16."""
    bits = SMOOTHING_BITS - correction(points)

    def gain(x: int) -> int:
        exact = np.float32(1 << GAIN_BITS) * np.power(
            np.float32(np.float32(x) / np.float32(2.0**bits) + np.float32(GAIN_OFFSET)), np.float32(-GAIN_STRENGTH)
        )
        return min(int(np.float32(exact) + np.float32(0.5)), 32767)

    table = np.zeros(4 * 32 - 3, np.int16)
    table[:2] = gain(0), gain(1)
    for interval in range(2, 33):
        x0 = 1 << (interval - 1)
        y0, y1, y2 = gain(x0), gain(x0 + x0 // 2), gain(2 * x0 - (interval == 32))
        slope = 4 * (y1 - y0) - (y2 - y0)
        table[4 * interval - 6 : 4 * interval - 3] = y0, slope, (y2 - y0) - slope
    return table


def finish(bands: np.ndarray, shift: np.ndarray, points: int, gain_control: bool) -> np.ndarray:
    """Features (clips, frames, count) int32 from bands of the same shape, int64, and shifts (clips, frames).

    The noise estimate starts at 0 with each clip.
    """
    signal = square_root(bands) >> shift[..., np.newaxis]
    estimate = np.zeros((len(signal), signal.shape[2]), np.int64)
    part = np.array(SMOOTHING, np.int64)[np.arange(signal.shape[2]) & 1]
    out = np.empty(signal.shape, np.int32)
    for frame in range(signal.shape[1]):
        now = signal[:, frame]
        raised = (now << SMOOTHING_BITS) & _WORD
        estimate = (raised * part + estimate * ((1 << 14) - part)) >> 14
        rest = (raised - np.minimum(estimate, raised)) >> SMOOTHING_BITS
        clean = np.maximum(rest, (now * REMAINING) >> 14)
        if gain_control:
            clean = _controlled(clean, estimate, points)
        out[:, frame] = _logarithm(clean, points)
    return out


def _controlled(signal: np.ndarray, estimate: np.ndarray, points: int) -> np.ndarray:
    shift = GAIN_BITS - correction(points) - SNR_BITS
    gain = _gain(estimate, gain_table(points)).astype(np.int64) & _WORD
    ratio = ((signal * gain) >> shift) & _WORD
    small = (ratio * ratio) >> (2 + 2 * SNR_BITS - GAIN_OUTPUT_BITS)
    large = (ratio >> (SNR_BITS - GAIN_OUTPUT_BITS)) - (1 << GAIN_OUTPUT_BITS)
    return np.where(ratio < 2 << SNR_BITS, small, large)


def _gain(x: np.ndarray, table: np.ndarray) -> np.ndarray:
    interval = np.maximum(msb(x), 2)
    part = ((x << np.maximum(11 - interval, 0)) >> np.maximum(interval - 11, 0)) & 0x3FF
    y0, slope, curve = (table.astype(np.int64)[4 * interval - 6 + k] for k in range(3))
    value = ((((curve * part) >> 5) + (slope << 5)) * part + (1 << 14)) >> 15
    return np.where(x <= 2, table[np.minimum(x, 2)], int16(value + y0))


def _logarithm(signal: np.ndarray, points: int) -> np.ndarray:
    bits = correction(points)
    value = ((signal << max(bits, 0)) & _WORD) >> max(-bits, 0)
    natural = (LOG_COEFFICIENT * log2(np.maximum(value, 1)) + (1 << 15)) >> 16
    scaled = ((natural << LOG_SCALE) + (1 << 15)) >> 16
    return np.where(value > 1, np.minimum(scaled, 0xFFFF), 0).astype(np.int32)
