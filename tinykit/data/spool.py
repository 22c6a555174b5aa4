"""Samples as they come, one by one: kept in memory while they fit, and in a file from there on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinykit.data.rows import Samples, whole
from tinykit.errors import DataError
from tinykit.files import write_error
from tinykit.stored import Stored


class Spool:
    """Takes samples of one shape. Their dtype is one that holds all of them; float64 becomes float32.

    Args: file, where they go when they become more than `memory` megabytes (as float32); None refuses so many.
    """

    def __init__(self, file: Path | None, memory: float, what: str) -> None:
        self._file, self._what = file, what
        self._limit = memory * 1e6
        self._rows: list[np.ndarray] = []
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.float32)
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._rows)

    @property
    def on_disk(self) -> bool:
        """Whether samples went to the file already."""
        return self._written > 0

    def add(self, row: np.ndarray) -> None:
        """Take one sample. Raises: DataError where it is unlike the first, or no numbers; DiskFull, OutputError."""
        dtype = self._common(row.dtype)
        if not len(self):
            self._shape, self._dtype = row.shape, dtype
        if row.shape != self._shape:
            raise DataError(
                f"{self._what}: samples differ in shape, at number {len(self)}",
                expected=self._shape,
                found=row.shape,
                page="bad-data",
            )
        if self.on_disk and dtype != self._dtype:
            raise DataError(
                f"{self._what}: samples differ in type, at number {len(self)}",
                expected=f"{self._dtype.name}, as those before it, which are on disk already",
                found=row.dtype.name,
                next_step="Make all of them one type",
                page="bad-data",
            )
        self._dtype = dtype
        self._rows.append(np.ascontiguousarray(row, dtype))
        if 4 * row.size * len(self._rows) > self._limit:
            self.flush()

    def _common(self, other: np.dtype) -> np.dtype:
        """The type that holds what is there and values of another one. Raises: DataError for what is no number."""
        if other.kind not in "fiub":
            raise DataError(f"{self._what}: samples must be numbers", found=f"dtype {other}", page="bad-data")
        common = np.promote_types(self._dtype, other) if len(self) else other
        return np.dtype(np.float32) if common == np.float64 else common

    def flush(self) -> None:
        """Put what is in memory into the file. Raises: DataError, DiskFull, OutputError."""
        if self._file is None:
            raise DataError(
                f"{self._what}: more samples than [data] memory holds, and no folder to keep them in",
                expected=f"at most {self._limit / 1e6:g} MB",
                next_step="Raise memory",
                page="bad-data",
            )
        try:
            with self._file.open("ab") as file:
                file.writelines(row.astype(self._dtype).tobytes() for row in self._rows)
        except OSError as error:
            raise write_error(self._file, error) from error
        self._written += len(self._rows)
        self._rows = []

    def samples(self) -> Samples:
        """All of them, in order: (n, ...) in memory, or on disk where some are."""
        if not self.on_disk:
            return np.stack(self._rows, dtype=self._dtype) if self._rows else np.zeros((0, *self._shape), self._dtype)
        self.flush()
        assert self._file is not None
        return whole(Stored(self._file, 0, (self._written, *self._shape), self._dtype.str))


def together(*spools: Spool) -> list[Samples]:
    """The samples of spools that belong to one set: all in memory, or all on disk."""
    if any(spool.on_disk for spool in spools):
        for spool in spools:
            if len(spool):
                spool.flush()
    return [spool.samples() for spool in spools]
