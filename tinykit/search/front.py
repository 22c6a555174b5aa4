"""Points of a search: which are dominated, which one is chosen, and how they look as a table and a picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.sax.saxutils import escape

STATES = ("trained", "stopped", "too large", "impossible")
"""Of a trial: trained to the end; stopped early because a cheaper one was ahead; does not fit; layers do not fit."""


@dataclass(frozen=True)
class Point:
    """One candidate. Accuracies are TFLM's on the int8 model, absent unless trained; the costs are the plan's.

    Attributes: `number` of the trial, -1 for the recipe's own student; `test` is told, it decides nothing; `front_end`
        the chosen keys of [features]; `bits` of activations, None where [search] offers none.
    """

    number: int
    layers: tuple[str, ...]
    sparsity: float
    state: str
    flash: int | None = None
    ram: int | None = None
    instructions: int | None = None
    validation: float | None = None
    test: float | None = None
    front_end: dict[str, Any] = field(default_factory=dict)
    bits: int | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "by hand" if self.number < 0 else f"trial {self.number}"

    @property
    def costs(self) -> tuple[float, ...]:
        """Flash, RAM and instructions."""
        return tuple(math.inf if cost is None else cost for cost in (self.flash, self.ram, self.instructions))

    def as_json(self) -> dict[str, Any]:
        """For search.json."""
        return asdict(self)


def front(points: list[Point]) -> list[Point]:
    """The trained points that no other one beats or equals on every axis, by falling accuracy."""
    trained = [point for point in points if point.state == "trained"]
    best = [p for p in trained if not any(_dominates(q, p) for q in trained)]
    return sorted(best, key=lambda p: (-_score(p), p.costs))


def _score(point: Point) -> float:
    return -1.0 if point.validation is None else point.validation


def _dominates(a: Point, b: Point) -> bool:
    mine, its = (-_score(a), *a.costs), (-_score(b), *b.costs)
    return all(x <= y for x, y in zip(mine, its, strict=True)) and (mine != its or a.number < b.number)


def choose(points: list[Point], min_accuracy: float | None) -> Point | None:
    """Of the front: the fewest instructions among those with this validation accuracy, else the most accurate."""
    best = front(points)
    good = [p for p in best if min_accuracy is not None and _score(p) >= min_accuracy]
    return min(good, key=lambda p: (p.costs[2], -_score(p))) if good else next(iter(best), None)


def table(points: list[Point], chosen: Point | None, by_hand: Point) -> str:
    """The front as lines of text, the recipe's own student below it."""
    head = f"{'':<10} {'validation':>10} {'test':>7} {'flash':>9} {'RAM':>8} {'instructions':>13}  layers"
    lines = [head]
    for point in [*front(points), by_hand]:
        mark = " chosen" if point is chosen else ""
        lines.append(
            f"{point.name:<10} {_part(point.validation):>10} {_part(point.test):>7} {_count(point.flash):>9} "
            f"{_count(point.ram):>8} {_count(point.instructions):>13}  {_words(point)}{mark}"
        )
    counts = ", ".join(f"{n} {state}" for state in STATES if (n := sum(p.state == state for p in points)))
    return "\n".join([*lines, "", f"{len(points)} trials: {counts}."])


def _words(point: Point) -> str:
    pruned = f"; {point.sparsity:.0%} pruned" if point.sparsity else ""
    pruned += f"; {point.bits} bits" if point.bits is not None else ""
    behind = ", ".join(f"{key} {value:g}" for key, value in point.front_end.items())
    return ", ".join(point.layers) + pruned + (f"; {behind}" if behind else "")


def _part(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 400, 64, 32, 48
_STYLE = (
    "text{font:12px sans-serif;fill:#444}.grid{stroke:#ddd}.point{fill:#b8c4d6}.front{fill:#1f5fa8}"
    ".chosen{fill:none;stroke:#c0392b;stroke-width:2}.hand{fill:#c0392b}"
)


def picture(points: list[Point], chosen: Point | None, by_hand: Point, title: str) -> str:
    """An SVG: instructions to the right (logarithmic), validation accuracy upwards; large points take more RAM."""
    drawn = [p for p in [*points, by_hand] if p.validation is not None and p.instructions]
    if not drawn:
        return _svg([f'<text x="{_WIDTH // 2}" y="{_HEIGHT // 2}" text-anchor="middle">no trained trial</text>'])
    best = set(map(id, front(points)))
    low, high = min(p.costs[2] for p in drawn) / 1.2, max(p.costs[2] for p in drawn) * 1.2
    floor = math.floor(min(_score(p) for p in drawn) * 50) / 50
    most = max(p.ram or 1 for p in drawn)

    def x(instructions: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 24) * math.log(instructions / low) / math.log(high / low)

    def y(score: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (score - floor) / max(1.0 - floor, 0.02)

    marks = [f'<text x="{_LEFT}" y="18">{escape(title)}: validation accuracy by instructions; size: RAM</text>']
    for k in range(6):
        score = floor + (1 - floor) * k / 5
        marks.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y(score):.1f}" y2="{y(score):.1f}"/>')
        marks.append(f'<text x="{_LEFT - 6}" y="{y(score) + 4:.1f}" text-anchor="end">{score:.1%}</text>')
        count = low * (high / low) ** (k / 5)
        marks.append(f'<text x="{x(count):.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{count:,.0f}</text>')
    for p in sorted(drawn, key=lambda p: id(p) in best):
        place = f'cx="{x(p.costs[2]):.1f}" cy="{y(_score(p)):.1f}"'
        radius = 3 + 7 * math.sqrt((p.ram or 0) / most)
        kind = "hand" if p is by_hand else "front" if id(p) in best else "point"
        costs = f"{p.instructions:,} instructions, {p.flash:,} B flash, {p.ram:,} B RAM"
        said = f"{p.name}: {_score(p):.1%}, {costs}; {_words(p)}"
        marks.append(f'<circle class="{kind}" {place} r="{radius:.1f}"><title>{escape(said)}</title></circle>')
        if p is chosen:
            marks.append(f'<circle class="chosen" {place} r="{radius + 4:.1f}"/>')
    marks.append(
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">blue: not dominated; grey: dominated; red: by hand; ring: chosen</text>'
    )
    return _svg(marks)


def _svg(marks: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<style>{_STYLE}</style>\n" + "\n".join(marks) + "\n</svg>\n"
    )
