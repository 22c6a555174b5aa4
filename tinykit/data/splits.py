"""Honest splits: stratified by class, fixed by a seed, with most training labels hidden where the recipe says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinykit.arrays import read_npz, write_npz
from tinykit.data.normalization import Normalization
from tinykit.errors import DataError


@dataclass(frozen=True, eq=False)
class Splits:
    """Samples (n, ...) float32 as the model reads them; labels (n,) int64.

    Attributes: the pool holds training samples whose labels were hidden (or never existed); `classes` the names.
        features: names of the channels, where they have some. warnings: sentences that a person should read.
        normalization: what the samples went through; then raw_validation and raw_test hold what they were before.
    """

    x_labelled: np.ndarray
    y_labelled: np.ndarray
    x_pool: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]
    features: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    normalization: Normalization | None = None
    raw_validation: np.ndarray | None = None
    raw_test: np.ndarray | None = None

    @property
    def x_train(self) -> np.ndarray:
        """All training samples, the labelled ones first."""
        return np.concatenate([self.x_labelled, self.x_pool])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x_labelled.shape[1:])


_WORDS = ("classes", "features", "warnings")
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

    Raises: DiskFull, OutputError.
    """
    arrays = {name: getattr(splits, name) for name in _ARRAYS}
    if splits.normalization is not None:
        assert splits.raw_validation is not None and splits.raw_test is not None
        arrays |= {"mean": splits.normalization.mean, "deviation": splits.normalization.deviation}
        arrays |= {"raw_validation": splits.raw_validation, "raw_test": splits.raw_test}
    words = {name: np.array(getattr(splits, name), dtype=np.str_) for name in _WORDS}
    write_npz(folder / "splits.npz", **arrays, **words)
    write_npz(folder / "test.npz", x=splits.x_test, y=splits.y_test)
    write_npz(folder / "validation.npz", x=splits.x_validation, y=splits.y_validation)


def restore(folder: Path) -> Splits:
    """The splits that `save` wrote.

    Raises: DataError when the file is damaged.
    """
    arrays = read_npz(folder / "splits.npz")
    missing = [name for name in (*_ARRAYS, *_WORDS) if name not in arrays]
    if missing:
        raise DataError(f"{folder / 'splits.npz'} lacks {', '.join(missing)}", next_step="Delete it and run again")
    classes, features, warnings = (tuple(str(word) for word in arrays[name]) for name in _WORDS)
    normalized = "mean" in arrays
    return Splits(
        **{name: arrays[name] for name in _ARRAYS},
        classes=classes,
        features=features,
        warnings=warnings,
        normalization=Normalization(arrays["mean"], arrays["deviation"]) if normalized else None,
        raw_validation=arrays.get("raw_validation"),
        raw_test=arrays.get("raw_test"),
    )
