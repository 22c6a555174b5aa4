"""Requantization in three instructions an output: parameters found, and proven equal to TFLM's, at compile time.

TFLM rounds twice (a 32 x 32 multiplication's upper half, then a shift). With `sum' = 256 * products + bias'` a core
with SMMLA and SSAT computes

    one-sided:  saturate8((((sum' * m) >> 32) + offset) >> shift)
    two-sided:  the same after  sum' += jump & (sum' >> 31)

Both are step functions of the sum that never fall, so they are equal everywhere iff they are equal on both sides of
each of TFLM's steps that lie within the sums that can occur, and at the ends: at most 255 steps, all evaluated.

TFLM's steps on the two sides of zero are not on one line, because halves go away from zero: outputs of both signs need
`jump`. The fraction in bias' moves the steps by 256ths of a sum, which is what makes an exact multiplier exist.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from tinykit.graph.arithmetic import multiply_by_quantized_multiplier

FRACTION = 256
"""Sums reach the requantization multiplied by this."""

SHIFTS = (12, 9, 15, 6)
"""Shifts that are tried, best first: few, so that layers share a kernel."""

_SEARCHES = ((0.03, 65), (0.03, 1025), (0.3, 16385))
"""Multipliers that are tried: how far around the real one, in parts of what 1.5 sums are worth, and how many."""

_CACHED_LAYERS = 512


@dataclass(frozen=True, eq=False)
class Requantization:
    """Proven parameters of a layer.

    Attributes: `multipliers`, `biases` (256 * bias and the fraction) and `jumps` (at most 0), int32, one a channel;
    `offset`, `shift` of the layer; `two_sided` whether the jumps matter; `live` the channels whose output depends on
    the input: the parameters of the others are for weights of zero.
    """

    multipliers: np.ndarray
    biases: np.ndarray
    jumps: np.ndarray
    offset: int
    shift: int
    two_sided: bool
    live: np.ndarray


def requantization(
    multipliers: np.ndarray,
    shifts: np.ndarray,
    bias: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    zero_point: int,
) -> Requantization | None:
    """Parameters that give TFLM's bytes for every sum from `low` to `high`, before any activation's clamp.

    Args:
        multipliers, shifts: TFLM's, shift positive to the left, shape (channels,).
        bias: int64 (channels,), the input zero point folded in.
        low, high: int64 (channels,), the least and the greatest sum, bias included.
        zero_point: of the output.

    Returns: None where none were found (a scale of 1 or more, or a bias that leaves no room for the fraction).
    """
    arrays = [np.asarray(a, np.int64).tobytes() for a in (multipliers, shifts, bias, low, high)]
    return _requantization(*arrays, zero_point)


def uniform_requantization(
    multiplier: int, shift: int, bias: np.ndarray, low: np.ndarray, high: np.ndarray, zero_point: int
) -> Requantization | None:
    """The same with one multiplier, one fraction and one jump for all channels, which are of one scale.

    The proof is for all sums from the least to the greatest of any channel.
    """
    one = requantization(
        np.array([multiplier]),
        np.array([shift]),
        np.zeros(1),
        np.array([low.min()]),
        np.array([high.max()]),
        zero_point,
    )
    biases = FRACTION * bias + (0 if one is None else int(one.biases[0]))
    if one is None or not one.live[0] or np.abs(biases).max() >= 1 << 31:
        return None
    return Requantization(
        np.repeat(one.multipliers, len(bias)),
        biases.astype(np.int32),
        np.repeat(one.jumps, len(bias)),
        one.offset,
        one.shift,
        one.two_sided,
        np.ones(len(bias), bool),
    )


def sums(rows: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest sum of each channel for any int8 input: int64 weights (channels, taps), bias."""
    positive, negative = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    return bias - 128 * positive + 127 * negative, bias + 127 * positive - 128 * negative


@functools.lru_cache(maxsize=_CACHED_LAYERS)
def _requantization(
    multipliers: bytes, shifts: bytes, bias: bytes, low: bytes, high: bytes, zero_point: int
) -> Requantization | None:
    factors, rights, biases, least, greatest = (
        np.frombuffer(raw, np.int64) for raw in (multipliers, shifts, bias, low, high)
    )
    layer = _Layer(factors, rights, biases, least, greatest, zero_point)
    if (layer.shifts > 0).any():
        return None
    return next((found for found in map(layer.with_shift, SHIFTS) if found is not None), None)


@dataclass(frozen=True, eq=False)
class _Layer:
    multipliers: np.ndarray
    shifts: np.ndarray
    bias: np.ndarray
    low: np.ndarray
    high: np.ndarray
    zero_point: int

    @functools.cached_property
    def outputs(self) -> np.ndarray:
        """The outputs less the zero point at which int8 outputs step up: those above the least."""
        return np.arange(-127, 128) - self.zero_point

    @functools.cached_property
    def steps(self) -> np.ndarray:
        """The least sum that TFLM requantizes to at least each of `outputs`: int64 (channels, outputs).

        The first rounding gives floor((sum * multiplier + 2^30) / 2^31), the second adds 2^(k-1), less 1 below zero,
        and shifts by k.
        """
        k = -self.shifts[:, None]
        half = np.where(k > 0, np.int64(1) << np.maximum(k - 1, 0), 0)
        rounded = (self.outputs << k) - half + ((k > 0) & (self.outputs <= 0))
        rounded = np.clip(rounded, -(1 << 31), 1 << 31)
        return -((-((rounded << 31) - (1 << 30))) // np.maximum(self.multipliers, 1)[:, None])

    @functools.cached_property
    def lives(self) -> np.ndarray:
        """Which steps lie within the sums that occur."""
        inside = (self.steps > self.low[:, None]) & (self.steps <= self.high[:, None])
        return inside & (self.multipliers > 0)[:, None]

    def tflm(self, channel: int, values: np.ndarray) -> np.ndarray:
        """TFLM's outputs for sums of a channel."""
        scaled = multiply_by_quantized_multiplier(values, self.multipliers[channel], self.shifts[channel])
        return np.clip(scaled + self.zero_point, -128, 127)

    def with_shift(self, shift: int) -> Requantization | None:
        """Proven parameters with this shift."""
        live = self.lives.any(axis=1)
        occurring = self.outputs[self.lives.any(axis=0)]
        two_sided = bool((occurring <= 0).any() and (occurring >= 1).any())
        device = _Device((self.zero_point << shift) + (1 << shift >> 1), shift)
        found = []
        for channel in range(len(self.bias)):
            parameters = self._live(channel, device, two_sided) if live[channel] else self._constant(channel, device)
            if parameters is None:
                return None
            found.append(parameters)
        multipliers, biases, jumps = np.array(found, np.int64).reshape(-1, 3).T.astype(np.int32)
        return Requantization(multipliers, biases, jumps, device.offset, shift, two_sided, live)

    def _live(self, channel: int, device: _Device, two_sided: bool) -> tuple[int, int, int] | None:
        """(multiplier, bias', jump) of a channel whose output varies."""
        lives = self.lives[channel]
        steps, outputs = self.steps[channel][lives], self.outputs[lives]
        low, high = self.low[channel], self.high[channel]
        points = np.unique(np.concatenate([steps, steps - 1, [low, high], np.clip([0, -1], low, high)]))
        expected = self.tflm(channel, points)
        negative = outputs <= 0 if two_sided else np.zeros(len(outputs), bool)
        for multiplier, fraction, jump in device.candidates(self._real(channel), steps, outputs, negative):
            if np.array_equal(device.run(points * FRACTION + fraction, multiplier, jump), expected):
                return multiplier, FRACTION * int(self.bias[channel]) + fraction, jump
        return None

    def _real(self, channel: int) -> float:
        return float(self.multipliers[channel]) * 2.0 ** (int(self.shifts[channel]) - 31)

    def _constant(self, channel: int, device: _Device) -> tuple[int, int, int] | None:
        """Of a channel with one output, its weights being zero: the sum' is a constant that gives it."""
        value = int(self.tflm(channel, self.low[channel : channel + 1])[0])
        steps = (value << device.shift) + (1 << device.shift >> 1) - device.offset
        sign = 1 if steps >= 0 else -1
        multiplier, bias = abs(steps) << 2, sign << 30
        if multiplier < 1 << 31 and device.run(np.array([bias]), multiplier, 0)[0] == value:
            return multiplier, bias, 0
        return None


@dataclass(frozen=True)
class _Device:
    """The cheap form's arithmetic."""

    offset: int
    shift: int

    def run(self, values: np.ndarray, multiplier: int, jump: int) -> np.ndarray:
        """Its outputs for sums' (int64); an output of 999 where an intermediate leaves 32 bits."""
        moved = values + np.where(values < 0, jump, 0)
        scaled = ((moved * multiplier) >> 32) + self.offset
        fits = np.maximum(np.maximum(np.abs(values), np.abs(moved)), np.abs(scaled)) < (1 << 31) - 1
        return np.where(fits, np.clip(scaled >> self.shift, -128, 127), 999)

    def candidates(
        self, real: float, steps: np.ndarray, outputs: np.ndarray, negative: np.ndarray
    ) -> list[tuple[int, int, int]]:
        """(multiplier, fraction, jump) near the real scale that put every step where TFLM has it, nearest first.

        An output is reached from sum' * m >= n on, so the fraction f must give  256 * (step - 1) + f < n / m <=
        256 * step + f  for each step: an interval, for the negative outputs and for the others.
        """
        wanted = outputs.astype(np.int64) * (1 << (32 + self.shift)) - (1 << (32 + self.shift) >> 1)
        exact = real * 2.0 ** (24 + self.shift)
        if not 1 <= exact < (1 << 31) - 1:
            return []
        width = exact / max(abs(int(steps[0])), abs(int(steps[-1])), 1) * 1.5
        for spread, count in _SEARCHES:
            near = np.round(exact + np.linspace(-width * spread, width * spread, count)).astype(np.int64)
            tried = np.unique(np.clip(near, 1, (1 << 31) - 1))
            least = -((-wanted[None, :]) // tried[:, None]) - FRACTION * steps[None, :]
            spans = [
                (least[:, part].max(axis=1), least[:, part].min(axis=1) + FRACTION - 1)
                for part in (~negative, negative)
                if part.any()
            ]
            possible = np.all([first <= last for first, last in spans], axis=0)
            middles = [(first + last) // 2 for first, last in spans]
            jumps = middles[1] - middles[0] if len(middles) == 2 else np.zeros(len(tried), np.int64)
            chosen = np.nonzero(possible & (jumps <= 0))[0]
            if len(chosen):
                nearest = chosen[np.argsort(np.abs(tried[chosen] - exact), kind="stable")][:8]
                return [(int(tried[i]), int(middles[0][i]), int(jumps[i])) for i in nearest]
        return []
