"""Reading loose JSON safely, and writing figures as people read them.

A run may be partial: any figure may be absent or null, and a figure that is no sound number counts as absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

DASH = "–"
"""Stands for a figure that the run does not hold."""
LARGEST = 2**53
"""JSON numbers are exact up to here (RFC 8259, section 6); a larger one is no figure of a run."""


def number(value: object) -> float | int | None:
    """`value` if it is a number within +-`LARGEST`, else None (NaN and infinities are absent, booleans no numbers)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -LARGEST <= value <= LARGEST else None


def mapping(value: object) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    """`value` as a list if it is one, else an empty list."""
    return list(value) if isinstance(value, (list, tuple)) else []


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list, other entries left out."""
    return [item for item in listing(value) if isinstance(item, Mapping)]


def numbers(value: object) -> list[float]:
    """The finite numbers in a list, other entries left out."""
    return [float(n) for n in map(number, listing(value)) if n is not None]


def text(value: object, default: str = "") -> str:
    """`value` as one clean line: control characters become spaces, so that no name can steer a terminal."""
    if value is None:
        return default
    line = "".join(c if c.isprintable() else " " for c in str(value))
    return " ".join(line.split()) or default


def count(value: object) -> str:
    """A whole number with thousands apart: 1234567 -> "1,234,567"."""
    n = number(value)
    return DASH if n is None else f"{round(n):,}"


def percent(value: object, digits: int = 1) -> str:
    """A fraction of 1 as a percentage: 0.901 -> "90.1 %"."""
    n = number(value)
    return DASH if n is None else f"{n * 100:.{digits}f} %"


def octets(value: object) -> str:
    """Bytes, exact: 12345 -> "12,345 B"."""
    n = number(value)
    return DASH if n is None else f"{round(n):,} B"


def kibibytes(value: object) -> str:
    """Bytes for a headline: exact below 10 KiB, else in KiB (1 KiB = 1,024 B) or MiB with one decimal."""
    n = number(value)
    if n is None or abs(n) < 10 * 1024:
        return octets(n)
    return f"{n / 1024:,.1f} KiB" if abs(n) < 1024 * 1024 else f"{n / 1024 / 1024:,.1f} MiB"


def short(value: object) -> str:
    """A large count for a headline, three figures: 412345 -> "412 k", 7847197 -> "7.85 M"."""
    n = number(value)
    if n is None:
        return DASH
    for least, unit, letter in ((999.5e6, 1e9, "G"), (999.5e3, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(n) >= least:
            scaled = n / unit
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:.{digits}f} {letter}"
    return f"{round(n):,}"


def seconds(value: object) -> str:
    """A duration: 0.42 -> "0.4 s", 93 -> "1 min 33 s"."""
    n = number(value)
    if n is None:
        return DASH
    return f"{n:.1f} s" if n < 60 else f"{int(n) // 60} min {int(n) % 60} s"


def plural(n: float | int, noun: str) -> str:
    """A count and its noun: (1, "byte") -> "1 byte", (2, "byte") -> "2 bytes"."""
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def layer_names(values: Iterable[object], limit: int = 34) -> list[str]:
    """Tensor or layer names short enough to show, in order.

    TFLite joins the names of fused layers by ";": the first says which layer it is. The model's own name, which most
    of them start with, is left out; a name that is still too long loses its end.
    """
    names = [text(value).split(";")[0] for value in values]
    roots = Counter(name.split("/", 1)[0] for name in names if "/" in name)
    root, seen = roots.most_common(1)[0] if roots else ("", 0)
    if 2 * seen > len(names) and seen > 1:
        names = [name.removeprefix(f"{root}/") for name in names]
    return [name if len(name) <= limit else f"{name[: limit - 1]}…" for name in names]


def moment(value: object) -> str:
    """An ISO 8601 time to the minute: "2026-11-20T08:00:00Z" -> "2026-11-20 08:00 UTC"; other text as it is."""
    said = text(value)
    try:
        when = datetime.fromisoformat(said.removesuffix("Z") + ("+00:00" if said.endswith("Z") else ""))
    except ValueError:
        return said
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".strip()


def total(values: Iterable[object]) -> float | int | None:
    """The sum of the numbers among `values`, None where there is none."""
    found = [n for n in map(number, values) if n is not None]
    return sum(found) if found else None
