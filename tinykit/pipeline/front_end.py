"""The stage between data and learning where a recipe has [features]: raw samples become what models read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinykit.data import Splits
from tinykit.data.rows import Rows, Samples, chunks, whole
from tinykit.errors import DataError
from tinykit.features.frontend import FrontEnd
from tinykit.features.settings import front_end
from tinykit.recipe import Features
from tinykit.stored import stored_npz, write_npz_by_parts

_CLIPPED = 0.001
"""The part of raw values at int16's ends from which on a warning is due."""


def featured(splits: Splits, features: Features, folder: Path) -> Splits:
    """The splits with features in place of raw samples, normalized by the training samples alone; the raw validation
    and test samples are kept as counts, in a file in `folder`.

    Raises: RecipeError for a front end that does not fit the samples; DataError where all samples become equal;
    DiskFull, OutputError.
    """
    bare = front_end(features, splits.shape)
    front = bare.learned_in_parts(bare.counts(part) for part in chunks(splits.x_train))
    normalized: Callable[[Samples], np.ndarray] = lambda x: np.concatenate(  # noqa: E731
        [np.zeros((0, *front.shape), np.float32), *(front.normalized(front.counts(part)) for part in chunks(x))]
    )
    counts = _kept(front, folder / "counts.npz", validation=splits.x_validation, test=splits.x_test)
    made = replace(
        splits,
        x_labelled=normalized(splits.x_labelled),
        x_pool=normalized(splits.x_pool),
        x_validation=normalized(splits.x_validation),
        x_test=normalized(splits.x_test),
        features=front.words(),
        warnings=(*splits.warnings, *_clipping(front, splits.x_train)),
        front=front,
        raw_validation=counts["validation"],
        raw_test=counts["test"],
    )
    if not np.asarray(made.x_labelled).any():
        raise DataError(
            "the front end makes the same of every sample",
            next_step="Check [features] resolution, low and high against the data",
            page="front-end",
        )
    return made


def _kept(front: FrontEnd, path: Path, **sets: Samples) -> dict[str, Rows]:
    """These sets as counts, written to `path` part by part."""
    shape = front.samples, front.channels
    counted = {name: (front.counts(part) for part in chunks(x)) for name, x in sets.items()}
    write_npz_by_parts(path, {name: ((len(sets[name]), *shape), "int16", parts) for name, parts in counted.items()})
    return {name: whole(stored_npz(path, name)) for name in sets}


def _clipping(front: FrontEnd, x: Samples) -> list[str]:
    """A warning where many raw values lie beyond what int16 counts hold."""
    limit = 32768 * front.resolution
    part = sum(float((np.abs(some) >= limit).sum()) for some in chunks(x)) / max(1, np.prod(x.shape))
    if part < _CLIPPED:
        return []
    return [f"{part:.1%} of the raw values are beyond int16 counts of {front.resolution:g}: a larger resolution fits"]
