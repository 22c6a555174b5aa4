"""Splits by group: all samples of one patient, field or recording in one split."""

from __future__ import annotations

import numpy as np

from tinykit.errors import DataError


def grouped(y: np.ndarray, groups: np.ndarray, parts: tuple[float, ...], seed: int) -> list[np.ndarray]:
    """Indices of disjoint splits, of about `parts` of the samples each and the rest last; no group is in two.

    Groups are dealt out from the largest, each to the split that then lies nearest to its share of every class.

    Raises: DataError where there are fewer groups than splits.
    """
    names, members = np.unique(groups, return_inverse=True)
    shares = np.array([*parts, 1 - sum(parts)])
    if len(names) < len(shares):
        raise DataError("too few groups to split", expected=f"at least {len(shares)}", found=len(names))
    counts = np.zeros((len(names), int(y.max()) + 1))
    np.add.at(counts, (members, y), 1)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(names))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    wanted = shares[:, np.newaxis] * counts.sum(axis=0)
    weight = 1 / (np.outer(shares, counts.sum(axis=0)) + 1)
    dealt, place = np.zeros_like(wanted), np.zeros(len(names), dtype=np.int64)
    for group in order:
        before = (weight * (dealt - wanted) ** 2).sum(axis=1)
        after = (weight * (dealt + counts[group] - wanted) ** 2).sum(axis=1)
        place[group] = int((after - before).argmin())
        dealt[place[group]] += counts[group]
    return [random.permutation(np.flatnonzero(place[members] == split)) for split in range(len(shares))]
