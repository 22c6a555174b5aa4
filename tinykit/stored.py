"""Arrays that stay on disk: where they lie in .npy files and uncompressed .npz files, so that rows are read one by one.

Rows are read, not mapped: what was read once does not count to the process for good, as mapped pages would.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from tinykit.errors import DataError
from tinykit.files import DAMAGED_ARCHIVE, write_error

_LOCAL_HEADER = 30
"""Bytes of a zip member's own header before its name; the lengths of name and extra field are at 26 and 28."""


@dataclass(frozen=True)
class Stored:
    """An array in a file: C order, from byte `offset` on, of `shape` (n, ...) and `dtype` (numpy's name)."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: str

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def read(self, first: int, count: int) -> np.ndarray:
        """Rows first .. first + count - 1, (count, ...). Raises: DataError for a file that has gone or shrunk."""
        values = count * self.row_bytes // np.dtype(self.dtype).itemsize
        try:
            found = np.fromfile(self.path, self.dtype, values, offset=self.offset + first * self.row_bytes)
        except OSError as error:
            raise DataError(f"cannot read {self.path}", found=error.strerror or str(error), page="bad-data") from error
        if found.size != values:
            raise DataError(f"{self.path} is shorter than its header says", page="bad-data")
        return found.reshape(count, *self.shape[1:])


def stored_npy(path: Path) -> Stored:
    """The array of an .npy file. Raises: DataError for any other file, and for objects and Fortran order."""
    try:
        with path.open("rb") as file:
            shape, dtype = _header(file)
            offset = file.tell()
        if path.stat().st_size < offset + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
            raise ValueError("it ends too early")
        return Stored(path, offset, shape, dtype.str)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read {path}",
            expected="an .npy file of numbers, one sample after the other (C order)",
            found=str(error).splitlines()[0],
            page="bad-data",
        ) from error


def npz_headers(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and dtype of every array in an .npz, without reading the arrays; {} where the file is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = {}
            for info in archive.infolist():
                with archive.open(info) as member:
                    found[info.filename.removesuffix(".npy")] = _header(member)
            return found
    except DAMAGED_ARCHIVE:
        return {}


def stored_npz(path: Path, name: str) -> Stored:
    """The array `name` of an .npz. Raises: DataError where it is compressed, and so cannot be read row by row."""
    shape, dtype = npz_headers(path)[name]
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED:
        raise DataError(
            f"{path}: the array {name!r} is larger than [data] memory and compressed, so it cannot be read in parts",
            next_step="Save it with numpy.savez, not savez_compressed, or raise memory",
            page="bad-data",
        )
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        lengths = np.frombuffer(file.read(4), "<u2")
        file.seek(info.header_offset + _LOCAL_HEADER + int(lengths.sum()))
        _header(file)
        return Stored(path, file.tell(), shape, dtype.str)


def write_npz_by_parts(path: Path, parts: Mapping[str, tuple[tuple[int, ...], str, Iterable[np.ndarray]]]) -> Path:
    """Write an uncompressed .npz whose arrays come in pieces: name -> (shape, dtype, pieces along the first axis).

    Raises: DiskFull, OutputError.
    """
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, (shape, dtype, pieces) in parts.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(member, header)
                    for piece in pieces:
                        member.write(np.ascontiguousarray(piece, dtype).tobytes())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise write_error(path, error) from error
    return path


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype; the file then stands at the first value. Raises: ValueError."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"a header of version {version[0]}.{version[1]}")
    if dtype.hasobject:
        raise ValueError("Python objects")
    if fortran and len(shape) > 1:
        raise ValueError("Fortran order")
    return shape, dtype
