"""What pruning bought and where quantization hurts, drawn from a run's JSON for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinykit.report.words import count, layer_names, mapping, number, objects, octets, text

Number = float | int
_COSTS = (("flash", "Flash", octets), ("ram", "RAM", octets), ("instructions", "Instructions", count))


@dataclass(frozen=True)
class Saving:
    """One cost without and with pruning; bars are percentages of the larger of the two."""

    name: str
    before: str
    after: str
    before_bar: float
    after_bar: float
    saved: float
    """Part of `before` that is gone; negative where pruning costs."""


@dataclass(frozen=True)
class LayerError:
    """One layer's error by quantization: parts of 1, absent figures None; `bar` a percentage of the largest."""

    name: str
    title: str
    op: str
    error: Number | None
    own: Number | None
    clipped: Number | None
    used: Number | None
    advice: str
    bar: float


def savings(run: Mapping[str, Any]) -> tuple[list[Saving], bool]:
    """Flash, RAM and instructions without and with pruning, and whether a board counted them (else the plan did)."""
    bought = mapping(_stage(run, "pruned").get("bought"))
    before, after = mapping(bought.get("before")), mapping(bought.get("after"))
    found = []
    for key, name, words in (
        ("flash", "Flash", octets),
        ("ram", "RAM", octets),
        ("instructions", "Instructions", count),
    ):
        old, new = number(before.get(key)), number(after.get(key))
        if old is None or new is None or min(old, new) < 0 or not old:
            continue
        most = max(old, new)
        found.append(Saving(name, words(old), words(new), 100 * old / most, 100 * new / most, 1 - new / old))
    return found, bought.get("measured") is True


def errors(run: Mapping[str, Any]) -> list[LayerError]:
    """Every diagnosed layer, the one that adds most first."""
    rows = objects(_stage(run, "int8").get("errors"))
    titles = layer_names(row.get("name") for row in rows)
    most = max((own for row in rows if (own := number(row.get("own"))) is not None and own > 0), default=0)
    found = []
    for row, title in zip(rows, titles, strict=True):
        own = number(row.get("own"))
        figures = {key: number(row.get(key)) for key in ("error", "own", "clipped", "used")}
        bar = 100 * max(own, 0) / most if own is not None and most else 0.0
        found.append(
            LayerError(
                text(row.get("name")), title, text(row.get("op")), **figures, advice=text(row.get("advice")), bar=bar
            )
        )
    return found


def _stage(run: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((item for item in objects(run.get("stages")) if item.get("name") == name), {})
