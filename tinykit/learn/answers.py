"""A teacher that is no model here: answers computed elsewhere, by anything at all, for samples in an .npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinykit.arrays import read_npz
from tinykit.errors import DataError

_SURE = 0.95
"""The probability that a plain label stands for; the rest is shared by the other classes."""


class Answers:
    """Logits by sample, found by the sample's own bytes."""

    def __init__(self, path: Path, classes: int, divide: float) -> None:
        """Read an .npz with x (n, ...) and logits (n, classes), probabilities (n, classes) or labels (n,).

        Args: divide: as in [data]; samples are found as they are, and as they are after this division.
        Raises: DataError where they do not fit together.
        """
        arrays = read_npz(path)
        kinds = [kind for kind in ("logits", "probabilities", "labels") if kind in arrays]
        if "x" not in arrays or len(kinds) != 1:
            raise DataError(
                f"{path.name} is no teacher's answers",
                expected="arrays x and one of logits, probabilities, labels",
                found=", ".join(sorted(arrays)) or "no arrays",
                page="bad-data",
            )
        x, found = arrays["x"], _logits(arrays[kinds[0]], kinds[0], classes, path.name)
        if len(x) != len(found):
            raise DataError(f"{path.name}: not one answer a sample", expected=len(x), found=len(found), page="bad-data")
        self.path, self.classes = path, classes
        self._logits: dict[bytes, np.ndarray] = {}
        for samples in (x.astype(np.float32), x.astype(np.float32) / np.float32(divide)):
            self._logits |= {row.tobytes(): answer for row, answer in zip(samples, found, strict=True)}

    def __call__(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Logits (n, classes) for samples (n, ...) float32. Raises: DataError for samples without an answer."""
        rows = [self._logits.get(row.tobytes()) for row in x]
        lacking = sum(row is None for row in rows)
        if lacking:
            raise DataError(
                f"{self.path.name} has no answer for {lacking} of {len(x)} samples",
                next_step="Let the teacher answer x_labelled and x_pool of stages/data/splits.npz too",
                page="bad-data",
            )
        return np.array(rows, np.float32)


def _logits(values: np.ndarray, kind: str, classes: int, what: str) -> np.ndarray:
    shape = (len(values),) if kind == "labels" else (len(values), classes)
    if values.shape != shape or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise DataError(
            f"{what}: {kind} cannot be used",
            expected=f"finite numbers of shape (samples{'' if kind == 'labels' else f', {classes}'})",
            found=f"{values.dtype} of shape {values.shape}",
            page="bad-data",
        )
    if kind == "logits":
        return values.astype(np.float32)
    if kind == "probabilities":
        if (values < 0).any() or np.abs(values.sum(axis=1) - 1).max() > 0.01:
            raise DataError(f"{what}: probabilities must not be negative, and must sum to 1", page="bad-data")
        return np.log(np.maximum(values, 1e-7)).astype(np.float32)
    if values.min() < 0 or values.max() >= classes or (values != np.round(values)).any():
        raise DataError(f"{what}: labels out of range", expected=f"0 to {classes - 1}", page="bad-data")
    table = np.full((classes, classes), (1 - _SURE) / (classes - 1))
    np.fill_diagonal(table, _SURE)
    return np.log(table)[values.astype(np.int64)].astype(np.float32)
