"""Where samples come from: one function a kind, each from the recipe's [data] section to checked splits."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinykit.arrays import read_npz
from tinykit.data.cautions import cautions
from tinykit.data.checks import check_classes, check_labels, check_samples
from tinykit.data.groups import grouped
from tinykit.data.normalization import learn
from tinykit.data.splits import Splits, hide_labels, stratified
from tinykit.data.tables import class_names, read_table, windows
from tinykit.errors import DataError, ToolMissing
from tinykit.recipe import Data


def load(data: Data) -> Splits:
    """The splits that [data] describes.

    Raises: DataError for data that cannot be trained on; ToolMissing where a kind needs an absent package.
    """
    return _KINDS[data.kind](data)


def _sklearn_digits(data: Data) -> Splits:
    """scikit-learn's 1,797 real handwritten digits, 8x8x1, grey values 0..16 scaled to 0..1."""
    digits = _sklearn(data).load_digits()
    x = (digits.images / 16.0)[..., np.newaxis]
    return _split(x, digits.target, data, "sklearn-digits")


def _sklearn_breast_cancer(data: Data) -> Splits:
    """scikit-learn's 569 real breast tumours: 30 measurements of cell nuclei each; 0 malignant, 1 benign."""
    tumours = _sklearn(data).load_breast_cancer()
    named = data if data.classes else replace(data, classes=tuple(str(name) for name in tumours.target_names))
    splits = _split(tumours.data, tumours.target, named, "sklearn-breast-cancer")
    return replace(splits, features=tuple(str(name) for name in tumours.feature_names))


def _sklearn(data: Data) -> Any:
    try:
        return importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise ToolMissing(
            f"the {data.kind} data need scikit-learn", next_step='Install it with: pip install "tinykit[train]"'
        ) from error


def _csv(data: Data) -> Splits:
    """A CSV file, one row a sample, or a moment of a series; rows without a label join the pool."""
    assert data.file is not None
    table, what = read_table(data), data.file.name
    if data.kind == "csv-series":
        table = windows(table, data)
    classes = class_names(table.labels, data, what)
    known = table.labels != ""
    y = np.array([classes.index(word) for word in table.labels[known]])
    groups = table.groups
    splits = _split(
        table.x[known],
        y,
        replace(data, classes=classes),
        what,
        table.x[~known] if not known.all() else None,
        None if groups is None else groups[known],
        None if groups is None else groups[~known],
    )
    return replace(splits, features=table.features)


def _npz(data: Data) -> Splits:
    """An .npz with x and y to be split, or x_train, y_train, x_test, y_test (and x_validation, y_validation).

    An array x_unlabelled, where present, joins the pool. `group` names an array of one group a sample.
    """
    assert data.file is not None
    arrays = read_npz(data.file)
    what = data.file.name
    if data.x in arrays and data.y in arrays:
        extra = arrays.get(f"{data.x}_unlabelled")
        return _split(arrays[data.x], arrays[data.y], data, what, extra, _groups(arrays, data, what))
    named = {f"{axis}_{part}" for axis in (data.x, data.y) for part in ("train", "test")}
    if named <= set(arrays):
        if data.group is not None:
            raise DataError(f"{what} is split already", next_step="Leave out group, or save x, y and groups unsplit")
        return _named(arrays, data, what)
    unlabelled = data.x in arrays
    raise DataError(
        f"{what} has no labels" if unlabelled else f"{what} has no samples",
        expected=f"arrays {data.x} and {data.y}, or {', '.join(sorted(named))}",
        found=", ".join(sorted(arrays)) or "no arrays",
        next_step=f"Save labels beside the samples: numpy.savez(FILE, {data.x}=..., {data.y}=...)",
        page="bad-data",
    )


def _groups(arrays: dict[str, np.ndarray], data: Data, what: str) -> np.ndarray | None:
    """The group of each sample, as words."""
    if data.group is None:
        return None
    groups = arrays.get(data.group)
    if groups is None or groups.shape != arrays[data.y].shape[:1]:
        raise DataError(
            f"{what}: the array {data.group!r} does not say each sample's group",
            expected=arrays[data.y].shape[:1],
            found="no such array" if groups is None else groups.shape,
            page="bad-data",
        )
    return groups.astype(np.str_)


@dataclass(frozen=True, eq=False)
class _Set:
    """A checked data set: samples (n, ...) float32, labels (n,) int64, unlabelled samples (m, ...) float32."""

    x: np.ndarray
    y: np.ndarray
    unlabelled: np.ndarray
    classes: tuple[str, ...]
    what: str


def _checked(x: np.ndarray, y: np.ndarray, unlabelled: np.ndarray | None, data: Data, what: str) -> _Set:
    samples = check_samples(x, what) / np.float32(data.divide)
    labels = check_labels(y, len(samples), what)
    classes = data.classes or tuple(str(label) for label in range(int(labels.max()) + 1))
    check_classes(labels, len(classes), what)
    if unlabelled is None:
        return _Set(samples, labels, samples[:0], classes, what)
    extra = check_samples(unlabelled, f"{what}, unlabelled") / np.float32(data.divide)
    if extra.shape[1:] != samples.shape[1:]:
        raise DataError(
            f"{what}: unlabelled samples differ in shape",
            expected=samples.shape[1:],
            found=extra.shape[1:],
            page="bad-data",
        )
    return _Set(samples, labels, extra, classes, what)


def _split(
    x: np.ndarray,
    y: np.ndarray,
    data: Data,
    what: str,
    unlabelled: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    unlabelled_groups: np.ndarray | None = None,
) -> Splits:
    """One set, cut into train, validation and test; by groups, (n,) and (m,), where there are some."""
    checked = _checked(x, y, unlabelled, data, what)
    least = 4 * len(checked.classes)
    if len(checked.y) < least:
        raise DataError(f"{what}: too few samples to split", expected=f"at least {least}", found=len(checked.y))
    if groups is not None:
        test, validation, train = grouped(checked.y, groups, (data.test, data.validation), data.seed)
        if unlabelled is not None and unlabelled_groups is not None:
            away = np.unique(groups[np.concatenate([test, validation])])
            checked = replace(checked, unlabelled=checked.unlabelled[~np.isin(unlabelled_groups, away)])
        return _assemble(checked, train, validation, test, data)
    counts = (round(data.test * len(checked.y)), round(data.validation * len(checked.y)))
    test, validation, train = stratified(checked.y, counts, data.seed)
    return _assemble(checked, train, validation, test, data)


def _named(arrays: dict[str, np.ndarray], data: Data, what: str) -> Splits:
    """Sets that come already cut; validation is taken from train where it is not there."""
    parts = [part for part in ("train", "validation", "test") if f"{data.x}_{part}" in arrays]
    lacking = [f"{data.y}_{part}" for part in parts if f"{data.y}_{part}" not in arrays]
    if lacking:
        raise DataError(f"{what} has no labels", expected=lacking[0], page="bad-data")
    xs, ys = [arrays[f"{data.x}_{part}"] for part in parts], [arrays[f"{data.y}_{part}"] for part in parts]
    for part, x, y in zip(parts, xs, ys, strict=True):
        check_labels(y, len(check_samples(x, f"{what}, {part}")), f"{what}, {part}")
    if len({x.shape[1:] for x in xs}) != 1:
        raise DataError(f"{what}: train and test samples differ in shape", page="bad-data")
    checked = _checked(
        np.concatenate(xs), np.concatenate([y.reshape(-1) for y in ys]), arrays.get(f"{data.x}_unlabelled"), data, what
    )
    ends = np.cumsum([len(x) for x in xs])
    place = {part: np.arange(end - len(x), end) for part, x, end in zip(parts, xs, ends, strict=True)}
    if "validation" not in place:
        train = place["train"]
        chosen, rest = stratified(checked.y[train], (round(data.validation * len(train)),), data.seed)
        place["validation"], place["train"] = train[chosen], train[rest]
    return _assemble(checked, place["train"], place["validation"], place["test"], data)


def _assemble(checked: _Set, train: np.ndarray, validation: np.ndarray, test: np.ndarray, data: Data) -> Splits:
    for name, part in (("training", train), ("test", test)):
        if len(part) == 0:
            raise DataError(f"{checked.what}: the {name} split is empty", page="bad-data")
        check_classes(checked.y[part], len(checked.classes), f"{checked.what}, {name} split")
    keep, hidden = hide_labels(checked.y[train], data.labelled, data.seed)
    splits = Splits(
        x_labelled=checked.x[train[keep]],
        y_labelled=checked.y[train[keep]],
        x_pool=np.concatenate([checked.x[train[hidden]], checked.unlabelled]),
        x_validation=checked.x[validation],
        y_validation=checked.y[validation],
        x_test=checked.x[test],
        y_test=checked.y[test],
        classes=checked.classes,
    )
    parts = {"training": splits.x_train, "validation": splits.x_validation, "test": splits.x_test}
    splits = replace(splits, warnings=cautions(parts, splits.y_labelled, splits.classes))
    return _normalized(splits) if data.normalize else splits


def _normalized(splits: Splits) -> Splits:
    """The splits by the mean and deviation of the training samples alone; what the others were is kept beside."""
    normalization = learn(splits.x_train)
    return replace(
        splits,
        x_labelled=normalization.apply(splits.x_labelled),
        x_pool=normalization.apply(splits.x_pool),
        x_validation=normalization.apply(splits.x_validation),
        x_test=normalization.apply(splits.x_test),
        normalization=normalization,
        raw_validation=splits.x_validation,
        raw_test=splits.x_test,
    )


_KINDS: dict[str, Callable[[Data], Splits]] = {
    "sklearn-digits": _sklearn_digits,
    "sklearn-breast-cancer": _sklearn_breast_cancer,
    "npz": _npz,
    "csv": _csv,
    "csv-series": _csv,
}
