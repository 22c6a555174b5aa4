"""Weights as the DSP kernels read them: two output channels in a halfword, `a + 256 * b`.

One SMLAD on such a word accumulates A + 256 * B, one on its sign-extended low bytes A alone: four weights cost one load
and one SXTB16, and the factor of 256 is the fraction that requantization needs.
"""

from __future__ import annotations

import numpy as np

from tinykit.kernels.requantization import Requantization

GROUP = 4
"""Output channels that are computed at a time."""


def run_order(length: int) -> list[tuple[int, int]]:
    """The pairs of positions, -1 for a zero, in which a run of `length` values is unpacked from words."""
    whole = length & ~3
    pairs = [pair for i in range(0, whole, 4) for pair in ((i, i + 2), (i + 1, i + 3))]
    rest = [[], [(0, -1)], [(0, 1)], [(0, 2), (1, -1)]][length & 3]
    return pairs + [(whole + i, j if j < 0 else whole + j) for i, j in rest]


def can_pair(rows: np.ndarray) -> bool:
    """Whether every two neighbouring channels fit a halfword: a weight of -128 above one below zero does not."""
    return not (rows == -128).any()


def convolution(weights: np.ndarray, found: Requantization) -> np.ndarray:
    """The stream of `tk_conv_2d_dsp`: int8 (channels, kernel height, kernel width, depth) -> int32 words.

    Groups of four channels, then of two; an odd last one is padded with zeros.
    """
    channels, kernel_height, kernel_width, depth = weights.shape
    run = kernel_width * depth
    pairs = [(y * run + i, y * run + j if j >= 0 else -1) for y in range(kernel_height) for i, j in run_order(run)]
    whole = channels // GROUP * GROUP
    groups = [list(range(o, o + GROUP)) for o in range(0, whole, GROUP)]
    groups += [[o, o + 1] for o in range(whole, channels, 2)]
    return _stream(weights.reshape(channels, -1), found, groups, pairs, per_channel=True)


def fully_connected(weights: np.ndarray, found: Requantization, *, per_channel: bool) -> np.ndarray:
    """The stream of `tk_fully_connected_dsp`: int8 (channels, depth) -> int32 words, groups of four, padded."""
    channels, depth = weights.shape
    padded = np.pad(weights, ((0, 0), (0, -depth % 4)))
    groups = [list(range(o, o + GROUP)) for o in range(0, channels, GROUP)]
    return _stream(padded, found, groups, run_order(padded.shape[1]), per_channel=per_channel)


def depthwise(weights: np.ndarray, found: Requantization) -> np.ndarray:
    """The stream of `tk_depthwise_conv_2d_dsp`: int8 (kernel height, kernel width, channels) -> int32 words.

    Groups of four channels; where they do not divide by four, the last group overlaps the one before.
    """
    taps = weights.reshape(-1, weights.shape[-1]) * found.live
    channels = taps.shape[1]
    parameters = [found.biases, found.multipliers, *([found.jumps] if found.two_sided else [])]
    starts = [*range(0, channels - GROUP + 1, GROUP), *([channels - GROUP] if channels % GROUP else [])]
    parts: list[np.ndarray] = []
    for first in starts:
        group = slice(first, first + GROUP)
        parts.append(np.ascontiguousarray(taps[:, group]).astype(np.int8).view(np.int32).reshape(-1))
        parts += [values[group] for values in parameters]
    return np.concatenate(parts).astype(np.int32)


def doubles(weights: np.ndarray, found: Requantization) -> np.ndarray:
    """The stream of `tk_conv_2d_thumb2`: int8 (channels, taps) -> int8; an odd last channel goes with its neighbour."""
    rows = (weights * found.live[:, None]).astype(np.int8)
    channels, taps = rows.shape
    parameters = [found.biases, found.multipliers, *([found.jumps] if found.two_sided else [])]
    starts = [*range(0, channels - 1, 2), *([channels - 2] if channels % 2 else [])]
    parts: list[np.ndarray] = []
    for first in starts:
        group = slice(first, first + 2)
        parts += [np.ascontiguousarray(values[group], np.int32).view(np.int8) for values in parameters]
        parts += [rows[group].T.reshape(-1), np.zeros(-2 * taps % 4, np.int8)]
    return np.concatenate(parts)


def eights(weights: np.ndarray) -> np.ndarray:
    """The weights of `tk_fully_connected_thumb2`: int8 (outputs, inputs) -> (groups, inputs, 8), padded with zeros."""
    padded = np.pad(weights, ((0, -len(weights) % 8), (0, 0)))
    return np.ascontiguousarray(padded.reshape(-1, 8, weights.shape[1]).transpose(0, 2, 1))


def _stream(
    rows: np.ndarray, found: Requantization, groups: list[list[int]], pairs: list[tuple[int, int]], *, per_channel: bool
) -> np.ndarray:
    """Of each group bias' of the channels in the upper bytes, weights, bias' of the others, multipliers, jumps."""
    channels = max(groups[-1]) + 1
    wide = np.zeros((channels, rows.shape[1] + 1), np.int64)
    wide[: len(rows), :-1] = rows * found.live[:, None]
    biases, multipliers, jumps = (_filled(v, channels) for v in (found.biases, found.multipliers, found.jumps))
    firsts, seconds = np.array(pairs).T
    parts: list[np.ndarray] = []
    for group in groups:
        low, high = group[::2], group[1::2]
        halves = wide[low] + 256 * wide[high]
        words = (halves[:, firsts] & 0xFFFF) | (halves[:, seconds] & 0xFFFF) << 16
        parts += [biases[high], words.T.reshape(-1), biases[low]]
        if per_channel:
            parts.append(multipliers[group])
            if found.two_sided:
                parts.append(jumps[group])
    return np.concatenate(parts).astype(np.uint32, casting="unsafe").view(np.int32)


def _filled(values: np.ndarray, channels: int) -> np.ndarray:
    return np.concatenate([values.astype(np.int64), np.zeros(channels - len(values), np.int64)])
