"""From what a source gave to honest splits: checked, cut, labels hidden, normalized."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinykit.data.cautions import cautions
from tinykit.data.checks import check_classes, check_labels, check_samples
from tinykit.data.groups import grouped
from tinykit.data.normalization import learn, learn_in_parts
from tinykit.data.rows import Rows, Samples, chunks, join, take
from tinykit.data.splits import Splits, hide_labels, stratified
from tinykit.errors import DataError
from tinykit.recipe import Data

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Collected:
    """What a source gave, not yet checked.

    Attributes: x (n, ...) samples; y (n,) labels; unlabelled (m, ...) samples or None; groups (n,) and
        unlabelled_groups (m,), words or None; parts (n,), the places in PARTS of a set that comes already cut, or None;
        what, its name; classes, where the source knows them; features, names of channels.
    """

    x: Samples
    y: np.ndarray
    what: str
    unlabelled: Samples | None = None
    groups: np.ndarray | None = None
    unlabelled_groups: np.ndarray | None = None
    parts: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


def splits_of(found: Collected, data: Data) -> Splits:
    """Train, validation and test, by groups where there are some.

    Raises: DataError for data that cannot be trained on.
    """
    checked = _checked(found, data)
    everything, least = np.arange(len(checked.y)), 4 * len(checked.classes)
    if found.parts is not None:
        train, validation, test = _given_parts(checked, found.parts, data)
    elif len(checked.y) < least:
        raise DataError(f"{found.what}: too few samples to split", expected=f"at least {least}", found=len(checked.y))
    else:
        test, validation, train = _cut(checked, everything, (data.test, data.validation), data)
    if checked.unlabelled is not None and found.groups is not None and found.unlabelled_groups is not None:
        away = np.unique(found.groups[np.concatenate([test, validation])])
        free = ~np.isin(found.unlabelled_groups, away)
        checked = replace(checked, unlabelled=take(checked.unlabelled, free))
    return _assemble(checked, train, validation, test, data)


def _cut(checked: Collected, places: np.ndarray, parts: tuple[float, ...], data: Data) -> list[np.ndarray]:
    """These places in as many disjoint parts, and the rest; by groups where there are some, else by class."""
    y = checked.y[places]
    if checked.groups is not None:
        chosen = grouped(y, checked.groups[places], parts, data.seed)
    else:
        chosen = stratified(y, tuple(round(part * len(y)) for part in parts), data.seed)
    return [places[some] for some in chosen]


def _checked(found: Collected, data: Data) -> Collected:
    """Finite float32 samples, divided; whole labels, all classes there."""
    samples = _divided(check_samples(found.x, found.what), data)
    labels = check_labels(found.y, len(samples), found.what)
    highest = int(labels.max())
    named = data.classes or found.classes
    check_classes(labels, len(named) or highest + 1, found.what)
    classes = named or tuple(str(label) for label in range(highest + 1))
    extra = found.unlabelled
    if extra is not None and len(extra):
        if extra.shape[1:] != samples.shape[1:]:
            raise DataError(
                f"{found.what}: unlabelled samples differ in shape",
                expected=samples.shape[1:],
                found=extra.shape[1:],
                page="bad-data",
            )
        extra = _divided(check_samples(extra, f"{found.what}, unlabelled"), data)
    return replace(found, x=samples, y=labels, classes=classes, unlabelled=extra)


def _divided(samples: Samples, data: Data) -> Samples:
    if isinstance(samples, Rows):
        return replace(samples, divide=data.divide)
    return samples / np.float32(data.divide)


def _given_parts(checked: Collected, parts: np.ndarray, data: Data) -> list[np.ndarray]:
    """Indices of train, validation and test as they came; validation is taken from train where it is not there."""
    train, validation, test = (np.flatnonzero(parts == place) for place in range(len(PARTS)))
    if checked.groups is not None:
        _require_apart(checked.groups, parts, checked.what)
    if not len(validation):
        validation, train = _cut(checked, train, (data.validation,), data)
    return [train, validation, test]


def _require_apart(groups: np.ndarray, parts: np.ndarray, what: str) -> None:
    """Raises: DataError for a group in two parts of a set that comes already cut."""
    home: dict[str, int] = {}
    for group, part in zip(groups.tolist(), parts.tolist(), strict=True):
        if home.setdefault(group, part) != part:
            raise DataError(
                f"{what}: the group {group!r} is in both the {PARTS[home[group]]} and the {PARTS[part]} part",
                expected="all samples of a group in one part",
                next_step="Move them, or save the set uncut and let [data] group cut it",
                page="bad-data",
            )


def _assemble(found: Collected, train: np.ndarray, validation: np.ndarray, test: np.ndarray, data: Data) -> Splits:
    for name, part in (("training", train), ("test", test)):
        if len(part) == 0:
            raise DataError(f"{found.what}: the {name} split is empty", page="bad-data")
        check_classes(found.y[part], len(found.classes), f"{found.what}, {name} split")
    keep, hidden = hide_labels(found.y[train], data.labelled, data.seed)
    labelled, hidden = train[keep], train[hidden]
    if isinstance(found.x, Rows):  # a pass over the set then reads it from its beginning to its end
        labelled, hidden, validation, test = (np.sort(places) for places in (labelled, hidden, validation, test))
    pool = take(found.x, hidden)
    splits = Splits(
        x_labelled=take(found.x, labelled),
        y_labelled=found.y[labelled],
        x_pool=pool if found.unlabelled is None else join(pool, found.unlabelled),
        x_validation=take(found.x, validation),
        y_validation=found.y[validation],
        x_test=take(found.x, test),
        y_test=found.y[test],
        classes=found.classes,
        features=found.features,
    )
    parts = {"training": splits.x_train, "validation": splits.x_validation, "test": splits.x_test}
    splits = replace(splits, warnings=cautions(parts, splits.y_labelled, splits.classes))
    return _normalized(splits) if data.normalize else splits


def _normalized(splits: Splits) -> Splits:
    """The splits by the mean and deviation of the training samples alone; what the others were is kept beside."""
    train = splits.x_train
    normalization = learn_in_parts(lambda: chunks(train)) if isinstance(train, Rows) else learn(train)

    def apply(x: Samples) -> Samples:
        return replace(x, normalization=normalization) if isinstance(x, Rows) else normalization.apply(x)

    return replace(
        splits,
        x_labelled=apply(splits.x_labelled),
        x_pool=apply(splits.x_pool),
        x_validation=apply(splits.x_validation),
        x_test=apply(splits.x_test),
        normalization=normalization,
        raw_validation=splits.x_validation,
        raw_test=splits.x_test,
    )
