"""The stage between data and learning where a recipe has [features]: raw samples become what models read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinykit.data import Splits
from tinykit.data.rows import Samples, chunks
from tinykit.errors import DataError
from tinykit.features.frontend import FrontEnd
from tinykit.features.settings import front_end
from tinykit.recipe import Features

_CLIPPED = 0.001
"""The part of raw values at int16's ends from which on a warning is due."""


def featured(splits: Splits, features: Features) -> Splits:
    """The splits with features in place of raw samples, normalized by the training samples alone; the raw validation
    and test samples are kept as counts.

    Raises: RecipeError for a front end that does not fit the samples; DataError where all samples become equal.
    """
    bare = front_end(features, splits.shape)
    front = bare.learned_in_parts(bare.counts(part) for part in chunks(splits.x_train))
    normalized: Callable[[Samples], np.ndarray] = lambda x: np.concatenate(  # noqa: E731
        [np.zeros((0, *front.shape), np.float32), *(front.normalized(front.counts(part)) for part in chunks(x))]
    )
    made = replace(
        splits,
        x_labelled=normalized(splits.x_labelled),
        x_pool=normalized(splits.x_pool),
        x_validation=normalized(splits.x_validation),
        x_test=normalized(splits.x_test),
        features=front.words(),
        warnings=(*splits.warnings, *_clipping(front, splits.x_train)),
        front=front,
        raw_validation=_counted(front, splits.x_validation),
        raw_test=_counted(front, splits.x_test),
    )
    if not np.asarray(made.x_labelled).any():
        raise DataError(
            "the front end makes the same of every sample",
            next_step="Check [features] resolution, low and high against the data",
            page="front-end",
        )
    return made


def _counted(front: FrontEnd, x: Samples) -> np.ndarray:
    parts = [front.counts(part) for part in chunks(x)]
    return np.concatenate(parts) if parts else np.zeros((0, front.samples, front.channels), np.int16)


def _clipping(front: FrontEnd, x: Samples) -> list[str]:
    """A warning where many raw values lie beyond what int16 counts hold."""
    limit = 32768 * front.resolution
    part = sum(float((np.abs(some) >= limit).sum()) for some in chunks(x)) / max(1, np.prod(x.shape))
    if part < _CLIPPED:
        return []
    return [f"{part:.1%} of the raw values are beyond int16 counts of {front.resolution:g}: a larger resolution fits"]
