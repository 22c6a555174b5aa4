"""Archives of plain arrays (.npz): read as data, never as code; written all or nothing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from tinykit.errors import DataError
from tinykit.files import DAMAGED_ARCHIVE, write_atomic

# What a damaged archive makes numpy and zipfile say.
_UNREADABLE: tuple[type[Exception], ...] = (*DAMAGED_ARCHIVE, MemoryError, AttributeError)


def read_npz(path: Path, only: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """All arrays of an .npz file, or those of the names in `only` that it has; none pickled, other files passed over.

    Raises: DataError with what is wrong with the file.
    """
    if not path.is_file():
        raise no_file(path)
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(f"{path} is a single array", expected="an .npz file of named arrays", page="bad-data")
        with archive:
            wanted = [name for name in archive.files if only is None or name in only]
            return {name: value for name in wanted if isinstance(value := archive[name], np.ndarray)}
    except _UNREADABLE as error:
        raise DataError(
            f"cannot read {path}",
            expected="an .npz file of plain arrays",
            found=_instead(path, error),
            next_step="Save it with: np.savez(path, x=inputs, y=labels)",
            page="bad-data",
        ) from error


def no_file(path: Path) -> DataError:
    """The error for a data file that is not there."""
    return DataError(f"no data file at {path}", found="a folder" if path.is_dir() else "nothing there", page="bad-data")


def _instead(path: Path, error: Exception) -> str:
    """What an .npz that cannot be read is, in words: numpy takes whatever is no archive for a pickle."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        return "an empty file"
    if not head.startswith(b"PK"):
        return f"a file that begins with {head!r}"
    if "Object arrays" in str(error):
        return "arrays of Python objects"
    if isinstance(error, zipfile.BadZipFile):
        return f"an archive that is cut off or damaged ({str(error).splitlines()[0]})"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def write_npz(path: Path, **arrays: np.ndarray) -> Path:
    """Write arrays as one .npz, all or nothing.

    Raises: DiskFull, OutputError.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return write_atomic(path, buffer.getvalue())
