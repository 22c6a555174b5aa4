"""A front end as C: NAME_features.h and NAME_features.c, which need no other file.

sources(name, front, scale, zero_point) -> {file name: text}. C99 and C++, no heap; everything constant stands in flash.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from tinykit.features import micro
from tinykit.features.fft import passes, real_twiddles, twiddles
from tinykit.features.fixed import log_table
from tinykit.features.frontend import FrontEnd
from tinykit.features.spectral import fft_points, hann
from tinykit.features.transforms import Mel, Mfcc, Micro, Spectrum, Statistics, dct

_ROW = 12


@dataclass(frozen=True)
class Table:
    """A constant array: C `type`, `name`, `rows` of text, `length` in elements, `nbytes`."""

    type: str
    name: str
    rows: tuple[str, ...]
    length: int
    nbytes: int


def sources(name: str, front: FrontEnd, scale: float, zero_point: int) -> dict[str, str]:
    """The C of a front end whose means are learned, for a model with this input scale and zero point."""
    transform = front.transform
    facts = {
        "name": name,
        "upper": name.upper(),
        "front": front,
        "kind": transform.kind,
        "tables": tables(front, scale),
        "zero_point": zero_point,
        "parts": "statistics.j2" if isinstance(transform, Statistics) else "spectral.j2",
        **({} if isinstance(transform, Statistics) else _spectral(front)),
    }
    environment = _environment()
    return {
        f"{name}_features.h": environment.get_template("features.h.j2").render(facts),
        f"{name}_features.c": environment.get_template("features.c.j2").render(facts),
    }


def tables(front: FrontEnd, scale: float) -> tuple[Table, ...]:
    """The constants of a front end."""
    transform = front.transform
    factors, shifts = front.factors(scale)
    found = [
        _table("means", np.array(front.means, np.int32)),
        _table("factors", factors),
        _table("shifts", shifts.astype(np.uint8)),
    ]
    if isinstance(transform, Statistics):
        return tuple(found)
    points = fft_points(transform.window) // 2
    found += [
        _table("turns", twiddles(points)[: 3 * points // 4]),
        _table("real_turns", real_twiddles(points)),
        _table("hann", hann(transform.window)),
        _table("log_table", log_table()),
    ]
    if isinstance(transform, Mel):
        filters = transform.bands
        found += [
            _table("band_ends", np.array(filters.ends, np.uint16)),
            _table("band_weights", filters.weights.astype(np.uint16)),
            _table("band_rests", filters.rests.astype(np.uint16)),
        ]
    if isinstance(transform, Mfcc):
        found.append(_table("dct", dct(transform.count, transform.coefficients)))
    if isinstance(transform, Micro) and transform.gain_control:
        found.append(_table("gains", micro.gain_table(2 * points)))
    return tuple(found)


def _spectral(front: FrontEnd) -> dict[str, object]:
    transform = front.transform
    points = fft_points(transform.window) // 2
    radices = passes(points)
    spans = [points // int(np.prod(radices[: k + 1])) for k in range(len(radices))]
    correction = micro.correction(2 * points)
    return {
        "points": points,
        "passes": radices,
        "position": _position(radices, spans),
        "calls": [f"radix{radix}({span}u)" for radix, span in reversed(list(zip(radices, spans, strict=True)))],
        "first": transform.bins.start if isinstance(transform, Spectrum) else transform.bands.first,  # type: ignore[attr-defined]
        "smoothing": micro.SMOOTHING,
        "remaining": micro.REMAINING,
        "correction": correction,
        "gain_shift": micro.GAIN_BITS - correction - micro.SNR_BITS,
        "log_coefficient": micro.LOG_COEFFICIENT,
    }


def _position(radices: tuple[int, ...], spans: list[int]) -> str:
    """C for the place of pair k: its digits, each in the base of a pass, in reverse."""
    terms, down = [], 0
    for radix, span in zip(radices, spans, strict=True):
        digit = f"(k >> {down} & {radix - 1}u)" if down else f"(k & {radix - 1}u)"
        terms.append(f"{digit} * {span}u")
        down += radix.bit_length() - 1
    return " + ".join(terms)


def _table(name: str, values: np.ndarray) -> Table:
    flat = [str(int(value)) for value in values.reshape(-1)]
    rows = tuple(", ".join(flat[at : at + _ROW]) for at in range(0, len(flat), _ROW))
    return Table(f"{values.dtype.name}_t", name, rows, len(flat), values.nbytes)


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
