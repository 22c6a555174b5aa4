"""Honest splits: stratified by class, fixed by a seed, with most training labels hidden where the recipe says so."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.arrays import read_npz, write_npz
from tinykit.data.normalization import Normalization
from tinykit.data.rows import Rows, Samples, chunks, join
from tinykit.errors import DataError
from tinykit.features.description import describe, parse
from tinykit.features.frontend import FrontEnd
from tinykit.files import write_atomic
from tinykit.stored import Stored, write_npz_by_parts


@dataclass(frozen=True, eq=False)
class Splits:
    """Samples (n, ...) float32 as the model reads them, on disk where they are too many; labels (n,) int64.

    Attributes: the pool holds training samples whose labels were hidden (or never existed); `classes` the names.
        features: names of the channels, where they have some. warnings: sentences that a person should read.
        normalization, front: what the samples went through; then raw_validation and raw_test hold what they were
        before, as counts where it was a front end.
    """

    x_labelled: Samples
    y_labelled: np.ndarray
    x_pool: Samples
    x_validation: Samples
    y_validation: np.ndarray
    x_test: Samples
    y_test: np.ndarray
    classes: tuple[str, ...]
    features: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    normalization: Normalization | None = None
    raw_validation: Samples | None = None
    raw_test: Samples | None = None
    front: FrontEnd | None = None

    @property
    def x_train(self) -> Samples:
        """All training samples, the labelled ones first."""
        return join(self.x_labelled, self.x_pool)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x_labelled.shape[1:])


_WORDS = ("classes", "features", "warnings")
_STORED, _FRONT = "stored.json", "front_end.json"
_ARRAYS = ("x_labelled", "y_labelled", "x_pool", "x_validation", "y_validation", "x_test", "y_test")


def stratified(y: np.ndarray, counts: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Indices of disjoint groups of about `counts` samples, each with the classes in their proportions.

    Every class gives every group its rounded share, at least one. The samples left over come last.
    """
    random = np.random.default_rng(seed)
    groups: list[list[int]] = [[] for _ in range(len(counts) + 1)]
    for label in np.unique(y):
        members = random.permutation(np.flatnonzero(y == label))
        start = 0
        for group, count in zip(groups, counts, strict=False):
            share = max(1, round(count * len(members) / len(y)))
            group.extend(members[start : start + share].tolist())
            start += share
        groups[-1].extend(members[start:].tolist())
    return [random.permutation(np.array(group, dtype=np.int64)) for group in groups]


def hide_labels(y: np.ndarray, labelled: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the samples that keep their label and of those that lose it; `labelled` 0 keeps all.

    Raises: DataError where there are fewer labels than asked for, or fewer asked for than classes.
    """
    if labelled == 0:
        return np.arange(len(y)), np.arange(0)
    classes = len(np.unique(y))
    if not classes <= labelled <= len(y):
        raise DataError(
            "labelled is out of range for this data",
            expected=f"{classes} (one a class) to {len(y)} (the training samples)",
            found=labelled,
            page="bad-data",
        )
    keep, hidden = stratified(y, (labelled,), seed)
    return keep, hidden


def save(splits: Splits, folder: Path) -> None:
    """Write splits.npz (everything), and test.npz and validation.npz (x, y: what `tinykit validate --data` reads).

    Of samples on disk, splits.npz holds which rows they are, and stored.json in which files.
    Raises: DiskFull, OutputError.
    """
    arrays = {name: getattr(splits, name) for name in _ARRAYS}
    if splits.normalization is not None:
        arrays |= {"mean": splits.normalization.mean, "deviation": splits.normalization.deviation}
    if splits.raw_validation is not None and splits.raw_test is not None:
        arrays |= {"raw_validation": splits.raw_validation, "raw_test": splits.raw_test}
    if splits.front is not None:
        write_atomic(folder / _FRONT, json.dumps(describe(splits.front)))
    words = {name: np.array(getattr(splits, name), dtype=np.str_) for name in _WORDS}
    on_disk = {name: rows for name, rows in arrays.items() if isinstance(rows, Rows)}
    if on_disk:
        write_atomic(folder / _STORED, json.dumps({name: _place(rows, folder) for name, rows in on_disk.items()}))
    kept = {name: rows.index if isinstance(rows, Rows) else rows for name, rows in arrays.items()}
    write_npz(folder / "splits.npz", **kept, **words)
    for name, x, y in (
        ("test", splits.x_test, splits.y_test),
        ("validation", splits.x_validation, splits.y_validation),
    ):
        if isinstance(x, Rows):
            pieces = {"x": (x.shape, "float32", chunks(x)), "y": (y.shape, "int64", iter([y]))}
            write_npz_by_parts(folder / f"{name}.npz", pieces)
        else:
            write_npz(folder / f"{name}.npz", x=x, y=y)


def restore(folder: Path) -> Splits:
    """The splits that `save` wrote.

    Raises: DataError when the file is damaged, or a file that samples are read from has gone.
    """
    arrays: dict[str, Any] = dict(read_npz(folder / "splits.npz"))
    missing = [name for name in (*_ARRAYS, *_WORDS) if name not in arrays]
    if missing:
        raise DataError(f"{folder / 'splits.npz'} lacks {', '.join(missing)}", next_step="Delete it and run again")
    classes, features, warnings = (tuple(str(word) for word in arrays[name]) for name in _WORDS)
    normalization = Normalization(arrays["mean"], arrays["deviation"]) if "mean" in arrays else None
    if (folder / _STORED).exists():
        for name, place in json.loads((folder / _STORED).read_text(encoding="utf-8")).items():
            arrays[name] = _found(place, arrays[name], folder, None if name.startswith("raw_") else normalization)
    return Splits(
        **{name: arrays[name] for name in _ARRAYS},
        classes=classes,
        features=features,
        warnings=warnings,
        normalization=normalization,
        raw_validation=arrays.get("raw_validation"),
        raw_test=arrays.get("raw_test"),
        front=_front(folder / _FRONT),
    )


def _front(path: Path) -> FrontEnd | None:
    return parse(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _place(rows: Rows, folder: Path) -> dict[str, Any]:
    """Where samples lie, as JSON can hold it; files inside `folder` by their name, so that it may be renamed."""
    parts = [
        {**asdict(part), "path": part.path.name if part.path.parent == folder else str(part.path.resolve())}
        for part in rows.parts
    ]
    return {"parts": parts, "divide": rows.divide}


def _found(place: dict[str, Any], index: np.ndarray, folder: Path, normalization: Normalization | None) -> Rows:
    parts = tuple(
        Stored(folder / part["path"], part["offset"], tuple(part["shape"]), part["dtype"]) for part in place["parts"]
    )
    gone = next((part.path for part in parts if not part.path.is_file()), None)
    if gone is not None:
        raise DataError(
            f"the samples in {gone} have gone",
            expected="the file where it was when the run began: it is read in parts",
            next_step="Put it back, or delete the run's stages/data",
            page="bad-data",
        )
    return Rows(parts, index, place["divide"], normalization)
