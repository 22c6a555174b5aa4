"""Writing results: all or nothing, and never outside the folder that the user named."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tinykit.errors import DiskFull, OutputError, TinykitError

if sys.platform != "win32":
    import fcntl

_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")
"""What tempfile.mkdtemp makes of the prefixes used here."""

DAMAGED_ARCHIVE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    EOFError,
)
"""What Python raises on reading a zip archive that is damaged, or packed or encrypted in a way it does not know."""


def sha256(data: bytes) -> str:
    """Hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def write_error(path: Path, error: OSError) -> TinykitError:
    """The error of ours that says why `path` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"no space left on the disk while writing {path}",
            next_step="Free some space and run the same command again; nothing half-written was left",
            page="disk-full",
        )
    return OutputError(
        f"cannot write {path}", found=error.strerror or str(error), next_step="Choose another folder to write to"
    )


def write_atomic(path: Path, data: bytes | str) -> Path:
    """Write `data` to `path` through a temporary file beside it and a rename.

    Raises: DiskFull, OutputError.
    """
    with _taking_its_place(path) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)
    return path


def copy_atomic(source: Path, path: Path) -> Path:
    """Copy a file of any size to `path` through a temporary file beside it and a rename.

    Raises: DiskFull, OutputError.
    """
    with _taking_its_place(path) as stream, source.open("rb") as whole:
        shutil.copyfileobj(whole, stream)
    return path


@contextlib.contextmanager
def _taking_its_place(path: Path) -> Iterator[BinaryIO]:
    """A temporary file that takes the place of `path` when the block ends well, and vanishes when it does not."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_atomic(target: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `target` when the block ends well, and vanishes when it does not.

    Files already in `target` are replaced as a whole. A process that is killed leaves it: `remove_abandoned`.
    Raises: DiskFull, OutputError.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary_folder(target) as temporary:
            yield temporary
            temporary.chmod(0o755)
            if target.exists():
                with _temporary_folder(target, "old.") as old:
                    target.replace(old / "was")
                    temporary.replace(target)
            else:
                temporary.replace(target)
    except OSError as error:
        if _is_about(error, target.parent):
            raise write_error(target, error) from error
        raise


@contextlib.contextmanager
def _temporary_folder(target: Path, kind: str = "") -> Iterator[Path]:
    """A folder beside `target`, locked while this process lives, that vanishes when the block ends."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.{kind}"))
        lock = _lock(folder, wait=True)
        if folder.is_dir():
            break
        _unlock(lock)  # `remove_abandoned` of another process came between
    try:
        yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
        _unlock(lock)


def remove_abandoned(parent: Path) -> None:
    """Remove temporary folders in `parent` that killed processes left: those that nobody holds a lock on."""
    for folder in parent.glob(".*"):
        if not _TEMPORARY.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
            continue
        lock = _lock(folder, wait=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
        _unlock(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """A descriptor that locks the folder until it is closed or its process has ended; None where there is no lock."""
    if sys.platform == "win32":
        return None
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _unlock(descriptor)
        return None
    return descriptor


def _unlock(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether an error says that the disk is full or names something in this folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or not isinstance(error.filename, str):
        return True
    return Path(error.filename).is_relative_to(folder)


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused when it would lie outside `folder`.

    Raises: OutputError.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise OutputError(f"the name {name!r} would be written outside {folder}")
    return path


def data_folder(name: str) -> Path:
    """Where `boards`, `firmware_templates`, `examples` or `docs` lie: in a checkout's top, in a wheel's package."""
    packaged = Path(__file__).parent / "_data" / name
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / name
