"""Where samples come from: one function a kind, each from the recipe's [data] section to what its source holds."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data.archives import read_archive
from tinykit.data.calls import from_any, read_call
from tinykit.data.collected import Collected, splits_of
from tinykit.data.images import read_images
from tinykit.data.sounds import read_sounds
from tinykit.data.splits import Splits
from tinykit.data.tables import class_names, read_table, windows
from tinykit.errors import ToolMissing
from tinykit.recipe import Data


def load(data: Data, folder: Path | None = None) -> Splits:
    """The splits that [data] describes. Samples of large sets that come file by file or one by one go to `folder`.

    Raises: DataError for data that cannot be trained on; ToolMissing where a kind needs an absent package.
    """
    return splits_of(_KINDS[data.kind](data, folder), data)


def load_given(given: Any, data: Data, folder: Path | None = None) -> Splits:
    """The splits of data at hand: arrays, or pairs one by one such as of a tf.data.Dataset (see `calls.from_any`).

    Args: data: how to split, divide and normalize; its kind and file are not read.
    Raises: DataError for data that cannot be trained on.
    """
    return splits_of(from_any(given, data, "the data", folder), data)


def _sklearn_digits(data: Data, folder: Path | None) -> Collected:
    """scikit-learn's 1,797 real handwritten digits, 8x8x1, grey values 0..16 scaled to 0..1."""
    digits = _sklearn(data).load_digits()
    return Collected((digits.images / 16.0)[..., np.newaxis], digits.target, "sklearn-digits")


def _sklearn_breast_cancer(data: Data, folder: Path | None) -> Collected:
    """scikit-learn's 569 real breast tumours: 30 measurements of cell nuclei each; 0 malignant, 1 benign."""
    tumours = _sklearn(data).load_breast_cancer()
    classes, features = (tuple(str(name) for name in names) for names in (tumours.target_names, tumours.feature_names))
    found = Collected(tumours.data, tumours.target, "sklearn-breast-cancer")
    return replace(found, classes=classes, features=features)


def _sklearn(data: Data) -> Any:
    try:
        return importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise ToolMissing(
            f"the {data.kind} data need scikit-learn", next_step='Install it with: pip install "tinykit[train]"'
        ) from error


def _csv(data: Data, folder: Path | None) -> Collected:
    """A CSV file, one row a sample, or a moment of a series; rows without a label join the pool."""
    assert data.file is not None
    table, what = read_table(data), data.file.name
    if data.kind == "csv-series":
        table = windows(table, data)
    classes = class_names(table.labels, data, what)
    known = table.labels != ""
    groups = table.groups
    return Collected(
        table.x[known],
        np.array([classes.index(word) for word in table.labels[known]]),
        what,
        table.x[~known] if not known.all() else None,
        None if groups is None else groups[known],
        None if groups is None else groups[~known],
        classes=classes,
        features=table.features,
    )


_KINDS: dict[str, Callable[[Data, Path | None], Collected]] = {
    "sklearn-digits": _sklearn_digits,
    "sklearn-breast-cancer": _sklearn_breast_cancer,
    "npz": lambda data, folder: read_archive(data),
    "npy": lambda data, folder: read_archive(data),
    "csv": _csv,
    "csv-series": _csv,
    "images": read_images,
    "wav": read_sounds,
    "python": read_call,
}
