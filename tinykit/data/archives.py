"""Arrays in files: one .npz, or a folder of .npz or .npy files that together are one set; on disk where it is large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinykit.arrays import read_npz
from tinykit.data.checks import check_labels, check_samples
from tinykit.data.collected import PARTS, Collected
from tinykit.data.rows import Rows, Samples, join, whole
from tinykit.errors import DataError
from tinykit.recipe import Data
from tinykit.stored import npz_headers, stored_npy, stored_npz

Arrays = dict[str, Samples]
"""By name; labels and groups are in memory always."""


def read_archive(data: Data) -> Collected:
    """The set that [data] of kind "npz" or "npy" names.

    Raises: DataError for files that cannot be read or do not fit together.
    """
    if data.folder is not None:
        arrays = _npy_folder(data, data.folder) if data.kind == "npy" else _npz_folder(data, data.folder)
        return collected(arrays, data, data.folder.name)
    assert data.file is not None
    return collected(_npz_files(data, [data.file]), data, data.file.name)


def collected(arrays: Arrays, data: Data, what: str) -> Collected:
    """x and y to be split, or x_train, y_train, x_test, y_test (and x_validation, y_validation).

    An array x_unlabelled, where present, joins the pool. `group` names an array of one group a sample, which has the
    same endings where the set is cut already (and may have _unlabelled).
    Raises: DataError where there is neither.
    """
    if data.x in arrays and data.y in arrays:
        y = np.asarray(arrays[data.y])
        return _with_unlabelled(
            Collected(arrays[data.x], y, what, groups=_groups(arrays, data, "", what)), arrays, data
        )
    named = {f"{axis}_{part}" for axis in (data.x, data.y) for part in ("train", "test")}
    if named <= set(arrays):
        return _named(arrays, data, what)
    raise DataError(
        f"{what} has no labels" if data.x in arrays else f"{what} has no samples",
        expected=f"arrays {data.x} and {data.y}, or {', '.join(sorted(named))}",
        found=", ".join(sorted(arrays)) or "no arrays",
        next_step=f"Save labels beside the samples: numpy.savez(FILE, {data.x}=..., {data.y}=...)",
        page="bad-data",
    )


def _with_unlabelled(found: Collected, arrays: Arrays, data: Data) -> Collected:
    """The set with x_unlabelled, and with the groups of these where they have some."""
    ending = "_unlabelled"
    groups = _groups(arrays, data, ending, found.what) if f"{data.group}{ending}" in arrays else None
    return replace(found, unlabelled=arrays.get(f"{data.x}{ending}"), unlabelled_groups=groups)


def _groups(arrays: Arrays, data: Data, ending: str, what: str) -> np.ndarray | None:
    """The group of each sample of the array x with this ending, as words."""
    if data.group is None:
        return None
    name, samples = f"{data.group}{ending}", arrays.get(f"{data.x}{ending}")
    groups = arrays.get(name)
    if groups is None or samples is None or groups.shape != samples.shape[:1]:
        raise DataError(
            f"{what}: the array {name!r} does not say each sample's group",
            expected=None if samples is None else samples.shape[:1],
            found="no such array" if groups is None else groups.shape,
            page="bad-data",
        )
    return np.asarray(groups).astype(np.str_)


def _named(arrays: Arrays, data: Data, what: str) -> Collected:
    """Sets that come already cut."""
    parts = [part for part in PARTS if f"{data.x}_{part}" in arrays]
    lacking = [f"{data.y}_{part}" for part in parts if f"{data.y}_{part}" not in arrays]
    if lacking:
        raise DataError(f"{what} has no labels", expected=lacking[0], page="bad-data")
    xs, ys = [arrays[f"{data.x}_{part}"] for part in parts], [np.asarray(arrays[f"{data.y}_{part}"]) for part in parts]
    for part, x, y in zip(parts, xs, ys, strict=True):
        check_labels(y, len(x if isinstance(x, Rows) else check_samples(x, f"{what}, {part}")), f"{what}, {part}")
    if len({x.shape[1:] for x in xs}) != 1:
        raise DataError(f"{what}: train and test samples differ in shape", page="bad-data")
    x = xs[0]
    for more in xs[1:]:
        x = join(x, more)
    places = np.repeat([PARTS.index(part) for part in parts], [len(x) for x in xs])
    y = np.concatenate([y.reshape(-1) for y in ys])
    found = [_groups(arrays, data, f"_{part}", what) for part in parts]
    groups = None if data.group is None else np.concatenate([part for part in found if part is not None])
    return _with_unlabelled(Collected(x, y, what, groups=groups, parts=places), arrays, data)


def _npz_folder(data: Data, folder: Path) -> Arrays:
    return _npz_files(data, _files(folder, "*.npz"))


def _npz_files(data: Data, files: list[Path]) -> Arrays:
    """The arrays of .npz files, each name's one behind the other."""
    headers = [npz_headers(file) for file in files]
    size = sum(
        4 * int(np.prod(shape, dtype=np.int64))
        for found in headers
        for name, (shape, _) in found.items()
        if _is_samples(name, data)
    )
    if size <= data.memory * 1e6:
        return _joined([dict(read_npz(file)) for file in files], files)
    return _joined(
        [
            {name: whole(stored_npz(file, name)) for name in found if _is_samples(name, data)}
            | read_npz(file, [name for name in found if not _is_samples(name, data)])
            for file, found in zip(files, headers, strict=True)
        ],
        files,
    )


def _npy_folder(data: Data, folder: Path) -> Arrays:
    """NAME.npy, or NAME-PART.npy for as many parts, in the order of their names."""
    found: dict[str, list[Path]] = {}
    for file in _files(folder, "*.npy"):
        found.setdefault(file.stem.partition("-")[0], []).append(file)
    stored = {name: [stored_npy(file) for file in files] for name, files in found.items()}
    size = sum(4 * part.row_bytes * len(part) // np.dtype(part.dtype).itemsize
               for name, parts in stored.items() if _is_samples(name, data) for part in parts)  # fmt: skip
    arrays: Arrays = {}
    for name, parts in stored.items():
        _require_alike([(part.shape[1:], part.dtype) for part in parts], name, found[name])
        if _is_samples(name, data) and size > data.memory * 1e6:
            arrays[name] = whole(*parts)
        else:
            arrays[name] = np.concatenate([part.read(0, len(part)) for part in parts])
    return arrays


def _is_samples(name: str, data: Data) -> bool:
    return name in (data.x, f"{data.x}_unlabelled", *(f"{data.x}_{part}" for part in PARTS))


def _joined(shards: list[Arrays], files: list[Path]) -> Arrays:
    """Raises: DataError where files hold different arrays, or samples of different shape."""
    odd = next((file for file, shard in zip(files, shards, strict=True) if set(shard) != set(shards[0])), None)
    if odd is not None:
        raise DataError(
            f"{odd.name} holds other arrays than {files[0].name}",
            expected=", ".join(sorted(shards[0])),
            found=", ".join(sorted(shards[files.index(odd)])),
            page="bad-data",
        )
    arrays: Arrays = {}
    for name in shards[0]:
        values = [shard[name] for shard in shards]
        if len(values) > 1:
            _require_alike([(x.shape[1:], _dtype(x)) for x in values], name, files)
        joined = values[0]
        for more in values[1:]:
            joined = join(joined, more)
        arrays[name] = joined
    return arrays


def _dtype(x: Samples) -> str:
    return x.parts[0].dtype if isinstance(x, Rows) else x.dtype.str


def _require_alike(kinds: list[tuple[tuple[int, ...], str]], name: str, files: list[Path]) -> None:
    odd = next((place for place, kind in enumerate(kinds) if kind != kinds[0]), None)
    if odd is not None:
        raise DataError(
            f"{files[odd].name}: {name} differs from that of {files[0].name}",
            expected=f"rows of {kinds[0][0]}, {np.dtype(kinds[0][1])}",
            found=f"{kinds[odd][0]}, {np.dtype(kinds[odd][1])}",
            page="bad-data",
        )


def _files(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.glob(pattern))
    if not files:
        raise DataError(
            f"the data folder {folder} has no {pattern} files" if folder.is_dir() else f"there is no folder {folder}",
            page="bad-data",
        )
    return files
