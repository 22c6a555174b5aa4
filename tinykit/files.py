"""Writing results: all or nothing, and never outside the folder that the user named."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tinykit.errors import DiskFull, OutputError, TinykitError


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

    Files already in `target` are replaced as a whole.
    Raises: DiskFull, OutputError.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        yield temporary
        temporary.chmod(0o755)
        if target.exists():
            old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
            target.replace(old / "was")
            temporary.replace(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            temporary.replace(target)
    except OSError as error:
        if _is_about(error, target, temporary):
            raise write_error(target, error) from error
        raise
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def _is_about(error: OSError, *folders: Path | None) -> bool:
    """Whether an error says that the disk is full or names something in one of these folders."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or not isinstance(error.filename, str):
        return True
    where = Path(error.filename)
    return any(f is not None and (where == f.parent or where.is_relative_to(f.parent)) for f in folders)


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
