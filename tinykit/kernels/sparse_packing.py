"""Rows of weights without their zeros, as sparse_dsp.h, blocks_dsp.h and conv_2d_sparse_dsp.h read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinykit.kernels.requantization import Requantization

UNITS = 8
"""Units in a turn of the unrolled loops, as TK_SPARSE_UNITS and TK_BLOCK_UNITS."""

BOTH_OFFSET = 127
"""What `tk_both_bytes` adds."""

_FARTHEST = 254
"""The largest step between entries, in bytes, that divides by two; for blocks, by eight."""

_Entry = tuple[int, tuple[int, ...]]
"""Where an entry's inputs lie, in bytes, and its weights."""


@dataclass(frozen=True)
class _Form:
    """How entries are coded: bytes of code of `group` entries (the least that can be left out), and of a unit."""

    weights: int
    group: int
    group_bytes: int
    farthest: int

    @property
    def unit_bytes(self) -> int:
        return 4 + 4 // self.group * self.group_bytes


PAIRS = _Form(2, 1, 16, _FARTHEST)
SINGLES = _Form(1, 2, 28, _FARTHEST)
FOUR_PIXELS = _Form(1, 2, 52, _FARTHEST // 8 * 8)
BLOCKS = _Form(4, 1, 20, _FARTHEST // 8 * 8)


@dataclass(frozen=True, eq=False)
class Stream:
    """A layer's words, and how many entries of each form, units, and turns of unrolled loops a run of it takes."""

    words: np.ndarray
    entries: int
    seconds: int
    units: int
    turns: int


@dataclass(frozen=True, eq=False)
class _Part:
    words: list[int]
    control: int
    entries: int
    units: int

    @property
    def turns(self) -> int:
        return -(-self.units // UNITS)


def sparse(rows: np.ndarray, found: Requantization, tables: int, *, per_channel: bool) -> Stream | None:
    """The stream of `tk_fully_connected_sparse_dsp`: int8 (outputs, inputs) -> int32 words.

    Args: `tables` arrangements of the inputs: weights up to so many inputs apart share an entry.
    Returns: None where a row is too long for the form.
    """
    places = arrangements(rows.shape[1], tables)
    parts: list[int] = []
    done: list[tuple[_Part, _Part]] = []
    for output, row in enumerate(rows * found.live[:, None]):
        pairs, singles = _matched(row, places)
        both = _coded(pairs, PAIRS), _coded(singles, SINGLES)
        done.append(both)
        head = [int(found.biases[output]), both[0].control, both[1].control]
        parts += [*head, *_scaling(found, output, per_channel), *both[0].words, *both[1].words]
    return _stream(parts, [a for a, _ in done], [b for _, b in done])


def blocks(rows: np.ndarray, found: Requantization, *, per_channel: bool) -> Stream | None:
    """The stream of `tk_fully_connected_blocks_dsp`: int8 (outputs, inputs), inputs in fours -> int32 words.

    Returns: None where a row is too long for the form, or a weight is -128.
    """
    if (rows == -128).any():
        return None
    parts: list[int] = []
    done: list[_Part] = []
    for output, row in enumerate((rows * found.live[:, None]).reshape(len(rows), -1, 4).astype(np.int64)):
        kept = np.nonzero(row.any(axis=1))[0]
        part = _coded([(8 * int(k), tuple(int(v) for v in row[k])) for k in kept], BLOCKS)
        done.append(part)
        bias = int(found.biases[output]) - BOTH_OFFSET * int(row[:, ::2].sum())
        parts += [part.control, *part.words, bias, *_scaling(found, output, per_channel)]
    return _stream(parts, done, [])


def pixels(rows: np.ndarray, found: Requantization) -> Stream | None:
    """The stream of `tk_conv_2d_sparse_dsp`: int8 (outputs, inputs) -> int32 words.

    Returns: None where a row is too long for the form.
    """
    parts: list[int] = []
    done: list[_Part] = []
    for output, row in enumerate(rows * found.live[:, None]):
        part = _coded([(8 * int(k), (int(row[k]),)) for k in np.nonzero(row)[0]], FOUR_PIXELS)
        done.append(part)
        parts += [part.control, *part.words, int(found.biases[output]), *_scaling(found, output, True)]
    return _stream(parts, done, [])


def arrangements(inputs: int, tables: int) -> list[np.ndarray]:
    """Where each input lies in scratch, in int16: by arrangement, int64 (inputs,).

    In arrangement k are all inputs that divide by k + 1, then those with a rest of 1, and so on.
    """
    found = []
    for table in range(tables):
        order = np.concatenate([np.arange(first, inputs, table + 1) for first in range(table + 1)])
        place = np.empty(inputs, np.int64)
        place[order] = np.arange(inputs) + table * inputs
        found.append(place)
    return found


def _matched(row: np.ndarray, places: list[np.ndarray]) -> tuple[list[_Entry], list[_Entry]]:
    """Weights of a row that are neighbours in some arrangement, as many as there are, and those that stay alone."""
    kept = [int(i) for i in np.nonzero(row)[0]]
    pairs: list[_Entry] = []
    singles: list[_Entry] = []
    at = 0
    while at < len(kept):
        here = kept[at]
        apart = kept[at + 1] - here if at + 1 < len(kept) else len(places) + 1
        if apart <= len(places):
            pairs.append((2 * int(places[apart - 1][here]), (int(row[here]), int(row[here + apart]))))
            at += 2
        else:
            singles.append((2 * int(places[0][here]), (int(row[here]),)))
            at += 1
    return sorted(pairs), singles


def _coded(entries: list[_Entry], form: _Form) -> _Part:
    """Entries in ascending order as units: those that are missing from the first one are jumped over."""
    stepped: list[tuple[int, tuple[int, ...]]] = []
    at = 0
    for place, weights in entries:
        while place - at > form.farthest:
            stepped.append((form.farthest, (0,) * form.weights))
            at += form.farthest
        stepped.append((place - at, weights))
        at = place
    padded = [(0, (0,) * form.weights)] * (-len(stepped) % form.group) + stepped
    missing = -len(padded) % 4 if padded else 4
    full = [(0, (0,) * form.weights)] * missing + padded
    units = len(full) // 4
    words: list[int] = []
    for first in range(0, len(full), 4):
        unit = full[first : first + 4]
        words.append(_bytes(step for step, _ in unit))
        words += _weights([weights for _, weights in unit])
    skipped = -units % UNITS * form.unit_bytes + missing // form.group * form.group_bytes
    return _Part(words, 4 * len(words) << 16 | 4 + skipped, len(padded), units)


def _weights(entries: list[tuple[int, ...]]) -> list[int]:
    """The words of four entries' weights: SXTB16 takes bytes 0 and 2, then 1 and 3; those of blocks are a + 256 b."""
    if len(entries[0]) == 4:
        return [_bytes((a, b - (a < 0), c, d - (c < 0))) for a, b, c, d in entries]
    if len(entries[0]) == 2:
        (a, b), (c, d), (e, f), (g, h) = entries
        return [_bytes((a, c, b, d)), _bytes((e, g, f, h))]
    a, b, c, d = (entry[0] for entry in entries)
    return [_bytes((a, c, b, d))]


def _bytes(values: Iterable[int]) -> int:
    return sum((value & 0xFF) << 8 * k for k, value in enumerate(values))


def _scaling(found: Requantization, output: int, per_channel: bool) -> list[int]:
    if not per_channel:
        return []
    return [int(found.multipliers[output]), *([int(found.jumps[output])] if found.two_sided else [])]


def _stream(words: list[int], first: list[_Part], second: list[_Part]) -> Stream | None:
    parts = [*first, *second]
    if any(4 * len(part.words) > 0xFFFF for part in parts):
        return None
    return Stream(
        words=(np.array(words, np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.int32),
        entries=sum(part.entries for part in first),
        seconds=sum(part.entries for part in second),
        units=sum(part.units for part in parts),
        turns=sum(part.turns for part in parts),
    )
