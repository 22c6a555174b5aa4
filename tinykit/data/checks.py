"""What data must be before anything is trained on them, each broken rule with one clear sentence."""

from __future__ import annotations

from typing import overload

import numpy as np

from tinykit.data.rows import Rows, Samples, chunks
from tinykit.errors import DataError


@overload
def check_samples(x: np.ndarray, what: str) -> np.ndarray: ...
@overload
def check_samples(x: Samples, what: str) -> Samples: ...
def check_samples(x: Samples, what: str) -> Samples:
    """`x` as float32 samples (n, ...), on disk where they are.

    Raises: DataError for text, objects, no samples, scalars, NaN or infinity.
    """
    kind = np.dtype(x.parts[0].dtype).kind if isinstance(x, Rows) else x.dtype.kind
    if kind not in "fiub":
        raise DataError(f"{what}: samples must be numbers", found=f"dtype {x.dtype}", page="bad-data")
    if x.ndim < 2 or 0 in x.shape:
        raise DataError(
            f"{what}: samples have the wrong shape",
            expected="(samples, ...) with no empty dimension",
            found=x.shape,
            page="bad-data",
        )
    if isinstance(x, Rows):
        _require_finite(np.concatenate([_is_finite(part) for part in chunks(x)]), what)
        return x
    with np.errstate(over="ignore"):
        samples = x.astype(np.float32)
    _require_finite(_is_finite(samples), what)
    return samples


def _is_finite(samples: np.ndarray) -> np.ndarray:
    """Booleans (n,)."""
    return np.asarray(np.isfinite(samples).reshape(len(samples), -1).all(axis=1))


def _require_finite(fine: np.ndarray, what: str) -> None:
    if not fine.all():
        raise DataError(
            f"{what}: {int((~fine).sum())} of {len(fine)} samples hold NaN or infinity",
            found=f"the first at index {int(fine.argmin())}",
            next_step="Remove or repair these samples",
            page="bad-data",
        )


def check_labels(y: np.ndarray, samples: int, what: str) -> np.ndarray:
    """`y` as int64 labels (n,), 0 and up.

    Raises: DataError for a wrong shape or count, fractions, or negative labels.
    """
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (samples,):
        raise DataError(
            f"{what}: labels have the wrong shape",
            expected=f"({samples},), one label a sample",
            found=y.shape,
            next_step="Turn one-hot labels into numbers with y.argmax(axis=1)" if y.ndim == 2 else None,
            page="bad-data",
        )
    if y.dtype.kind not in "iuf" or (y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == y.round()).all())):
        raise DataError(f"{what}: labels must be whole numbers", found=f"dtype {y.dtype}", page="bad-data")
    labels = y.astype(np.int64)
    if labels.min() < 0:
        raise DataError(f"{what}: labels out of range", expected="0 and up", found=int(labels.min()), page="bad-data")
    return labels


def check_classes(y: np.ndarray, classes: int, what: str) -> None:
    """Every class 0 .. classes - 1 has a sample, and no label lies beyond.

    Raises: DataError naming the first missing class or the first label out of range.
    """
    if classes < 2:
        raise DataError(f"{what}: a classifier needs at least two classes", found=classes, page="bad-data")
    if int(y.max()) >= classes:
        raise DataError(
            f"{what}: labels out of range", expected=f"0 to {classes - 1}", found=int(y.max()), page="bad-data"
        )
    present = np.unique(y)
    if len(present) < classes:
        missing = next((place for place, label in enumerate(present.tolist()) if label != place), len(present))
        raise DataError(
            f"{what}: no sample of class {missing}",
            expected=f"samples of all {classes} classes",
            next_step="Number the classes from 0 without gaps, or add samples",
            page="bad-data",
        )
