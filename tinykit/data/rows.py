"""Samples that may lie on disk: `Rows` is used as an array is, but reads only what is asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from tinykit.data.normalization import Normalization
from tinykit.errors import DataError
from tinykit.stored import Stored

CHUNK = 1 << 24
"""Bytes of float32 that one step of a pass over samples holds."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples (n, ...) in files; as float32, divided and normalized, wherever some are read.

    Attributes: parts, arrays of equal row shape and dtype, one behind the other; index (n,) int64, the row of `parts`
        that each sample is; divide, a divisor; normalization, applied after it.
    """

    parts: tuple[Stored, ...]
    index: np.ndarray
    divide: float = 1.0
    normalization: Normalization | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, ...), as of an array."""
        return (len(self.index), *self.parts[0].shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes, the samples' own included."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """What is read: float32."""
        return np.dtype(np.float32)

    def __getitem__(self, places: slice | np.ndarray) -> np.ndarray:
        """Samples read from disk: (m, ...) float32 for a slice or m places."""
        values = self._read(self.index[places]).astype(np.float32)
        if self.divide != 1.0:
            values /= np.float32(self.divide)
        return values if self.normalization is None else self.normalization.apply(values)

    def take(self, places: slice | np.ndarray) -> Rows:
        """These samples, still on disk."""
        return replace(self, index=self.index[places])

    def _read(self, wanted: np.ndarray) -> np.ndarray:
        """Rows as they are stored; those that lie side by side are read at once."""
        rows = np.empty((len(wanted), *self.parts[0].shape[1:]), self.parts[0].dtype)
        order = np.argsort(wanted, kind="stable")
        ranked = wanted[order]
        ends = np.cumsum([len(part) for part in self.parts])
        part_of = np.searchsorted(ends, ranked, side="right")
        apart = (np.diff(ranked) != 1) | (np.diff(part_of) != 0)
        starts = np.concatenate([[0], np.flatnonzero(apart) + 1, [len(ranked)]]) if len(ranked) else np.zeros(1, int)
        for first, end in itertools.pairwise(starts):
            part = self.parts[part_of[first]]
            before = int(ends[part_of[first]]) - len(part)
            rows[order[first:end]] = part.read(int(ranked[first]) - before, int(end - first))
        return rows


Samples: TypeAlias = np.ndarray | Rows
"""Samples (n, ...): in memory, or on disk."""


def whole(*parts: Stored) -> Rows:
    """All rows of these arrays, in order."""
    return Rows(parts, np.arange(sum(len(part) for part in parts)))


def take(x: Samples, places: slice | np.ndarray) -> Samples:
    """The samples at these places, on disk where they are."""
    return x.take(places) if isinstance(x, Rows) else x[places]


def join(first: Samples, second: Samples) -> Samples:
    """`first` and then `second`; both in memory, or both on disk with the same treatment.

    Raises: DataError where they are stored as different types.
    """
    if not isinstance(first, Rows) or not isinstance(second, Rows):
        return np.concatenate([np.asarray(first), np.asarray(second)])
    if first.parts == second.parts:
        return replace(first, index=np.concatenate([first.index, second.index]))
    types = {part.dtype for part in first.parts + second.parts}
    if len(types) > 1:
        raise DataError(
            "parts of a set that is read from disk are stored as different types",
            expected="one for all, labelled or not",
            found=", ".join(sorted(np.dtype(name).name for name in types)),
            next_step="Save them as one type, or raise [data] memory",
            page="bad-data",
        )
    moved = second.index + sum(len(part) for part in first.parts)
    return replace(first, parts=first.parts + second.parts, index=np.concatenate([first.index, moved]))


def chunks(x: Samples, most: int | None = None) -> Iterator[np.ndarray]:
    """`x` in order, in arrays of at most `CHUNK` bytes of float32 (one sample at least) and `most` samples."""
    size = max(1, CHUNK // max(1, 4 * int(np.prod(x.shape[1:], dtype=np.int64))))
    size = size if most is None else min(size, most)
    for first in range(0, len(x), size):
        yield x[first : first + size]
