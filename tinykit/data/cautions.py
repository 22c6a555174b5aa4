"""What is allowed in data but makes figures doubtful: the same sample in two splits, classes of very unequal size."""

from __future__ import annotations

import hashlib

import numpy as np

from tinykit.data.rows import Samples, chunks

_UNEQUAL = 5
"""From this ratio of the largest to the smallest class on, accuracy says little about the smallest."""


def cautions(parts: dict[str, Samples], y_train: np.ndarray, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences about splits (name -> samples (n, ...), the training split first) and training labels (n,)."""
    return (*_leaks(parts), *_balance(y_train, classes))


def _leaks(parts: dict[str, Samples]) -> list[str]:
    rows = {name: _digests(x) for name, x in parts.items()}
    names, found = list(parts), []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            same = len(np.intersect1d(rows[first], rows[second], assume_unique=True))
            if same:
                found.append(
                    f"{same} sample{'s are' if same > 1 else ' is'} in both the {first} and the {second} split: "
                    "remove copies, or figures are too good"
                )
    return found


def _digests(x: Samples) -> np.ndarray:
    """One number for each different sample, uint64, in order."""
    found = b"".join(
        hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=8).digest()
        for part in chunks(x)
        for row in part
    )
    return np.unique(np.frombuffer(found, np.uint64))


def _balance(y: np.ndarray, classes: tuple[str, ...]) -> list[str]:
    counts = np.bincount(y, minlength=len(classes))
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < _UNEQUAL * counts[least]:
        return []
    return [
        f"classes are of unequal size: {counts[most]} training labels of {classes[most]!r}, {counts[least]} of "
        f"{classes[least]!r}; always answering {classes[most]!r} is right for {counts[most] / counts.sum():.0%}"
    ]
