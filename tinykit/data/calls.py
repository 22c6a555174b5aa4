"""Samples from a function of the user's own: the one place where a recipe runs code, and it is the user's."""

from __future__ import annotations

import contextlib
import importlib.util
import mmap
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data.archives import collected
from tinykit.data.collected import Collected
from tinykit.data.rows import Samples, whole
from tinykit.data.spool import Spool, together
from tinykit.errors import DataError, TinykitError
from tinykit.recipe import Data
from tinykit.stored import Stored


def read_call(data: Data, folder: Path | None = None) -> Collected:
    """What [data] function in the module [data] file gives; see `from_any`.

    Raises: DataError where it cannot be called, raises anything, or gives something else.
    """
    assert data.file is not None
    what = f"{data.function} of {data.file.name}"
    with _user_code(data.file, what):
        function = _function(data.file, data.function)
        given = function(data.folder) if data.folder is not None else function()
        return from_any(given, data, what, folder)


@contextlib.contextmanager
def _user_code(path: Path, what: str) -> Iterator[None]:
    """Runs with the modules beside `path` in reach. Raises: DataError for whatever else is raised."""
    beside = str(path.parent.resolve())
    sys.path.insert(0, beside)
    try:
        yield
    except TinykitError:
        raise
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        place = f", at line {frames[-1].lineno} of {path.name}" if frames else ""
        raise DataError(f"{what} failed", found=f"{type(error).__name__}: {error}{place}", page="bad-data") from error
    finally:
        sys.path.remove(beside)


def from_any(given: Any, data: Data, what: str, folder: Path | None = None) -> Collected:
    """A set from one of: arrays by name, as an .npz holds them; (x, y) or (x, y, groups); or anything that gives
    (sample, label) or (sample, label, group) one by one, such as a tf.data.Dataset that is not batched, where a label
    below 0 is none.

    A numpy.memmap larger than [data] memory stays on disk; so do samples that come one by one, in `folder`.
    Raises: DataError for anything else.
    """
    if isinstance(given, dict):
        return collected({name: _array(values, data, what) for name, values in given.items()}, data, what)
    if isinstance(given, tuple) and len(given) in (2, 3) and all(hasattr(part, "__len__") for part in given):
        groups = _plain(given[2], what).astype(np.str_) if len(given) == 3 else None
        found = Collected(_array(given[0], data, what), _plain(given[1], what), what, groups=groups)
        if groups is not None and groups.shape != (len(found.x),):
            raise DataError(f"{what}: not one group a sample", expected=(len(found.x),), found=groups.shape)
        return found
    if isinstance(given, Iterable):
        return _from_pairs(given, data, what, folder)
    raise DataError(
        f"{what} gave no data",
        expected="arrays by name, (x, y), or (sample, label) one by one",
        found=type(given).__name__,
        page="bad-data",
    )


def _from_pairs(given: Iterable[Any], data: Data, what: str, folder: Path | None) -> Collected:
    spools = [Spool(folder and folder / f"{name}.bin", data.memory, what) for name in ("labelled", "unlabelled")]
    labels: list[int] = []
    groups: list[list[str]] = [[], []]
    for number, pair in enumerate(given):
        label = _plain(pair[1], what) if isinstance(pair, tuple | list) and len(pair) in (2, 3) else None
        if label is None or label.shape or label.dtype.kind not in "biuf" or label % 1 != 0:
            raise DataError(
                f"{what}: number {number} is no sample with its label",
                expected="(sample, label) or (sample, label, group), not batched; labels are whole numbers",
                page="bad-data",
            )
        unknown = bool(label < 0)
        spools[unknown].add(_plain(pair[0], what))
        groups[unknown].append(_word(pair[2]) if len(pair) == 3 else "")
        labels += [] if unknown else [int(label)]
    x, extra = together(*spools)
    grouped = any(word for part in groups for word in part)
    known, unknown_groups = (np.array(part, np.str_) if grouped else None for part in groups)
    return Collected(x, np.array(labels, np.int64), what, extra if len(extra) else None, known, unknown_groups)


def _word(group: Any) -> str:
    value = np.asarray(group).item()
    return value.decode() if isinstance(value, bytes) else str(value)


def _plain(values: Any, what: str) -> np.ndarray:
    """Raises: DataError for rows of unequal length, and whatever else is no array."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(f"{what} gave what is no array", found=str(error).splitlines()[0], page="bad-data") from error


def _array(values: Any, data: Data, what: str) -> Samples:
    """A large memory map by its place in its file; anything else as an array. Raises: DataError."""
    if not isinstance(values, np.memmap) or 4 * values.size <= data.memory * 1e6 or values.filename is None:
        return _plain(values, what)
    if not isinstance(values.base, mmap.mmap) or not values.flags.c_contiguous:
        return np.asarray(values)  # a part of a map: its place in the file is not known
    return whole(Stored(Path(values.filename), values.offset, values.shape, values.dtype.str))


def _function(path: Path, name: str) -> Callable[..., Any]:
    if not path.is_file():
        raise DataError(f"there is no module {path}", expected="a Python file beside the recipe", page="bad-data")
    spec = importlib.util.spec_from_file_location(f"tinykit_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} is no Python file", expected="a name that ends in .py", page="bad-data")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise DataError(f"{path.name} has no function {name!r}", next_step="Name it with function = ...")
    return function
