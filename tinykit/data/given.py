"""Samples that Python holds already: numpy arrays, or a batched tf.data.Dataset, read into memory and checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.data.checks import check_labels, check_samples
from tinykit.errors import DataError


def samples(x: Any, what: str) -> np.ndarray:
    """Checked samples (n, ...) float32 of an array or a dataset, whose labels are left out. Raises: DataError."""
    return check_samples(rows(x)[0], what)


def labelled(x: Any, y: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Checked samples (n, ...) float32 and labels (n,) int64.

    Args: x, y: arrays; or x a dataset of both, and y None.
    Raises: DataError.
    """
    found, labels = rows(x) if y is None else (array(x), array(y))
    if labels is None:
        raise DataError(f"{what} has no labels", expected="arrays x and y, or a dataset of both", page="bad-data")
    checked = check_samples(found, what)
    return checked, check_labels(labels, len(checked), what)


def array(data: Any) -> np.ndarray:
    """An array of what numpy takes for one. Raises: DataError, such as for rows of different lengths."""
    try:
        return np.asarray(data)
    except (ValueError, TypeError) as error:
        raise DataError(
            "the data are no array", expected="samples of one shape", found=type(data).__name__, page="bad-data"
        ) from error


def rows(data: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples, and labels where a dataset has some, unchecked. Raises: DataError for an unreadable dataset."""
    if not hasattr(data, "as_numpy_iterator"):
        return array(data), None
    batches = list(data.as_numpy_iterator())
    if not batches:
        raise DataError("the dataset is empty", page="bad-data")
    try:
        if isinstance(batches[0], tuple):
            return np.concatenate([x for x, *_ in batches]), np.concatenate([y for _, y, *_ in batches])
        return np.concatenate(batches), None
    except (ValueError, TypeError) as error:
        raise DataError(
            "the dataset cannot be read", expected="batches of (samples, labels)", found=error, page="bad-data"
        ) from error
