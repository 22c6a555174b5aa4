"""What a front end may be: sizes that a microcontroller can hold and for which no sum in the generated C overflows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from tinykit.errors import RecipeError
from tinykit.features.fft import LARGEST
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import STATISTICS, Mel, Mfcc, Spectrum, Statistics

MOST_MOMENTS = 1 << 20
MOST_CHANNELS = 64
MOST_BANDS = 128
MOST_COLUMNS = 4096
_LONGEST = 65535
"""Samples of a window whose sum fits 32 bits."""
_FASTEST = 1e6
_LARGEST_VALUE = 1 << 20


class _Rule(NamedTuple):
    holds: bool
    what: str
    expected: object
    found: object


def require_sound(front: FrontEnd) -> FrontEnd:
    """The front end, if it can be computed. Raises: RecipeError."""
    for rule in _rules(front):
        if not rule.holds:
            raise RecipeError(
                f"this front end cannot be computed: {rule.what}",
                expected=rule.expected,
                found=rule.found,
                next_step="Change [features]; docs/features.md says what each kind takes",
                page="front-end",
            )
    if isinstance(front.transform, Mel):
        _ = front.transform.bands  # refuses bands that leave the spectrum
    return front


def _rules(front: FrontEnd) -> Iterator[_Rule]:
    transform = front.transform
    longest = _LONGEST if isinstance(transform, Statistics) else LARGEST
    yield _Rule(1 <= front.channels <= MOST_CHANNELS, "channels", f"1 to {MOST_CHANNELS}", front.channels)
    yield _Rule(1 <= transform.window <= longest, "samples in a window", f"1 to {longest}", transform.window)
    yield _Rule(front.samples <= MOST_MOMENTS, "samples", f"at most {MOST_MOMENTS}", front.samples)
    whole = f"at least a window of {transform.window}"
    yield _Rule(front.samples >= transform.window, "a sample is shorter than its window", whole, front.samples)
    yield _Rule(1 <= front.hop <= transform.window, "the hop", f"1 to the window's {transform.window}", front.hop)
    yield _Rule(0 < front.resolution < math.inf, "the resolution", "a number above 0", front.resolution)
    if isinstance(transform, Statistics):
        known = set(transform.names) <= set(STATISTICS) and len(set(transform.names)) == len(transform.names) > 0
        yield _Rule(known, "statistics", f"some of {', '.join(STATISTICS)}, each once", ", ".join(transform.names))
    if isinstance(transform, Spectrum | Mel):
        band = 0 <= transform.low < transform.high <= transform.rate / 2
        limits = f"0 <= low < high <= {transform.rate / 2:g} Hz, half the rate"
        yield _Rule(0 < transform.rate <= _FASTEST, "the rate", f"up to {_FASTEST:g} Hz", transform.rate)
        yield _Rule(band, "low and high", limits, f"{transform.low:g} and {transform.high:g}")
    if isinstance(transform, Spectrum):
        yield _Rule(len(transform.bins) > 0, "no bin lies between low and high", "a longer window", "none")
    if isinstance(transform, Mel):
        yield _Rule(front.channels == 1, "bands are made of one channel", 1, front.channels)
        yield _Rule(1 <= transform.count <= MOST_BANDS, "bands", f"1 to {MOST_BANDS}", transform.count)
    if isinstance(transform, Mfcc):
        few = 1 <= transform.coefficients <= transform.count
        yield _Rule(few, "coefficients", f"1 to the bands' {transform.count}", transform.coefficients)
    yield _Rule(front.columns <= MOST_COLUMNS, "values of a window", f"at most {MOST_COLUMNS}", front.columns)
    if front.means or front.deviations:
        counts = (len(front.means), len(front.deviations))
        yield _Rule(counts == (front.columns,) * 2, "means and deviations", f"{front.columns} of each", counts)
        near = all(abs(mean) < _LARGEST_VALUE for mean in front.means)
        wide = all(0 < d < _LARGEST_VALUE for d in front.deviations)
        yield _Rule(near and wide, "means or deviations are out of range", f"below {_LARGEST_VALUE}", "larger")
