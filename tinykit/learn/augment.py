"""More samples from few: images turned, zoomed and moved a little. Plain numpy, fixed by a seed."""

from __future__ import annotations

import numpy as np

from tinykit.data.rows import Rows, Samples
from tinykit.errors import DataError
from tinykit.recipe import Model


def augment(x: Samples, model: Model, seed: int) -> Samples:
    """`x` followed by `model.copies` warped copies of it.

    Each copy of an image is turned by up to `turn` degrees, zoomed by up to `zoom` (a fraction) and moved by up to
    `shift` pixels, each drawn uniformly; zeros move in from outside.

    Args: x (n, height, width, channels) float32; samples of other ranks are only repeated.
    Returns ((copies + 1) * n, ...): sample i of copy c is at c * n + i.
    Raises: DataError for copies of samples on disk.
    """
    if isinstance(x, Rows):
        require_no_copies(model)
        return x
    random = np.random.default_rng(seed)
    if x.ndim != 4:
        return np.concatenate([x] * (model.copies + 1))
    warped = [_warp(x, model, random) for _ in range(model.copies)]
    return np.concatenate([x, *warped])


def require_no_copies(model: Model) -> None:
    """Raises: DataError where a model's samples, which are on disk, shall be warped."""
    if model.copies:
        raise DataError(
            "copies makes warped samples in memory, and these samples are read from disk",
            expected="copies = 0, or samples that [data] memory holds",
            found=f"copies = {model.copies}",
            next_step="Raise memory, or warp them where the data are made",
            page="bad-data",
        )


def _warp(x: np.ndarray, model: Model, random: np.random.Generator) -> np.ndarray:
    """One random affine map an image, sampled bilinearly."""
    samples, height, width = x.shape[:3]
    angle = np.deg2rad(random.uniform(-model.turn, model.turn, (samples, 1, 1)))
    factor = 1.0 + random.uniform(-model.zoom, model.zoom, (samples, 1, 1))
    down, right = random.uniform(-model.shift, model.shift, (2, samples, 1, 1))
    rows = np.arange(height)[np.newaxis, :, np.newaxis] - (height - 1) / 2
    columns = np.arange(width)[np.newaxis, np.newaxis, :] - (width - 1) / 2
    source_rows = (np.cos(angle) * rows - np.sin(angle) * columns) * factor + down + (height - 1) / 2
    source_columns = (np.sin(angle) * rows + np.cos(angle) * columns) * factor + right + (width - 1) / 2
    return _bilinear(x, source_rows, source_columns)


def _bilinear(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of images (n, h, w, c) at fractional places (n, h, w); zero outside."""
    samples, height, width = x.shape[:3]
    padded = np.pad(x, ((0, 0), (1, 2), (1, 2), (0, 0)))
    rows, columns = np.clip(rows + 1, 0, height + 1), np.clip(columns + 1, 0, width + 1)
    top, left = rows.astype(int), columns.astype(int)
    down, right = (rows - top)[..., np.newaxis], (columns - left)[..., np.newaxis]
    image = np.arange(samples)[:, np.newaxis, np.newaxis]
    upper = padded[image, top, left] * (1 - right) + padded[image, top, left + 1] * right
    lower = padded[image, top + 1, left] * (1 - right) + padded[image, top + 1, left + 1] * right
    return (upper * (1 - down) + lower * down).astype(np.float32)
