"""Where the marks of each picture lie. Numbers only: the templates turn them into SVG and HTML, and escape every name.

Horizontal places are percentages of the picture's width, so that pictures shrink to a phone while text keeps its
size; heights are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tinykit.report.words import layer_names, listing, number, numbers, objects, text

MEMORY_HEIGHT = 320
"""Height of the memory picture's plot, in pixels."""
LABEL_HEIGHT = 16
"""A buffer lower than this many pixels gets no label of its own; the table below the picture names it."""
MAX_POINTS = 200
"""A curve is thinned to about this many points; more cannot be seen at its size."""
MAX_STEPS = 2000
"""Above this many steps the memory picture could not be read, and is left out."""
MAX_MATRIX_CLASSES = 40
"""Above this many classes a confusion matrix is given by its largest entries alone."""


@dataclass(frozen=True)
class Block:
    """A buffer in the memory picture; `x` and `width` in percent, `y` and `height` in pixels from the top."""

    name: str
    title: str
    scratch: bool
    offset: int
    size: int
    first: int
    last: int
    x: float
    y: float
    width: float
    height: float

    @property
    def labelled(self) -> bool:
        """Whether the block is high enough for its name."""
        return self.height >= LABEL_HEIGHT


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: `at` in the axis's own unit (percent or pixels), `value` what it stands for."""

    at: float
    value: float


@dataclass(frozen=True)
class MemoryPicture:
    """Memory over time: blocks, axes, and the steps at which most bytes are occupied.

    `peak` is the number of bytes occupied there (shared bytes counted once); `peak_steps` has one (x, width) in
    percent a step.
    """

    blocks: tuple[Block, ...]
    steps: int
    step_ticks: tuple[Tick, ...]
    offset_ticks: tuple[Tick, ...]
    arena: int
    lower_bound: int | None
    lower_bound_y: float | None
    peak: int
    peak_first: int
    peak_name: str
    peak_columns: tuple[tuple[float, float], ...]
    height: int = MEMORY_HEIGHT

    @property
    def min_width(self) -> int:
        """Below this width in pixels the picture scrolls inside its box."""
        return max(240, self.steps * 24)


def memory_picture(plan: Mapping[str, Any]) -> MemoryPicture | None:
    """The arena over the steps of an inference, or None where the plan names no buffers, or too many steps to draw."""
    rows = [row for row in map(_buffer, objects(plan.get("buffers"))) if row is not None]
    if not rows:
        return None
    names = layer_names(step.get("name") for step in objects(plan.get("steps")))
    short = layer_names(name for name, *_ in rows)
    steps = max(len(names), 1 + max(last for *_, last in rows))
    if steps > MAX_STEPS:
        return None
    lower = number(plan.get("lower_bound"))
    arena = max([offset + size for _, offset, size, _, _ in rows] + [int(number(plan.get("arena_bytes")) or 0)])
    top = max(arena, int(lower or 0), 1)
    scale = MEMORY_HEIGHT / top
    blocks = tuple(
        Block(
            name=shown,
            title=name,
            scratch=name == "scratch",
            offset=offset,
            size=size,
            first=first,
            last=last,
            x=100 * first / steps,
            y=MEMORY_HEIGHT - (offset + size) * scale,
            width=100 * (last - first + 1) / steps,
            height=max(size * scale, 1.0),
        )
        for shown, (name, offset, size, first, last) in zip(short, rows, strict=True)
    )
    occupied = _occupied(rows, steps)
    peak = max(occupied)
    peak_first = occupied.index(peak)
    return MemoryPicture(
        blocks=blocks,
        steps=steps,
        step_ticks=tuple(Tick(100 * (s + 0.5) / steps, s) for s in range(0, steps, 1 + (steps - 1) // 32)),
        offset_ticks=tuple(Tick(MEMORY_HEIGHT - v * scale, v) for v in _round_values(top)),
        arena=arena,
        lower_bound=None if lower is None else int(lower),
        lower_bound_y=None if lower is None else MEMORY_HEIGHT - lower * scale,
        peak=peak,
        peak_first=peak_first,
        peak_name=names[peak_first] if peak_first < len(names) else "",
        peak_columns=tuple((100 * s / steps, 100 / steps) for s in range(steps) if occupied[s] == peak),
    )


def _buffer(row: Mapping[str, Any]) -> tuple[str, int, int, int, int] | None:
    offset, size, first, last = (number(row.get(key)) for key in ("offset", "size", "first", "last"))
    if offset is None or size is None or first is None or last is None:
        return None
    sound = offset >= 0 and size > 0 and 0 <= first <= last
    return (text(row.get("tensor"), "tensor"), int(offset), int(size), int(first), int(last)) if sound else None


def _occupied(rows: Sequence[tuple[str, int, int, int, int]], steps: int) -> list[int]:
    """Bytes of the arena in use at each step, those that buffers share counted once."""
    found = []
    for step in range(steps):
        covered = end = 0
        alive = sorted((offset, offset + size) for _, offset, size, first, last in rows if first <= step <= last)
        for low, high in alive:
            covered += max(0, high - max(low, end))
            end = max(end, high)
        found.append(covered)
    return found


def _round_values(top: float, wanted: int = 4) -> list[int]:
    """Round numbers from 0 to `top`, about `wanted` of them, 1, 2 or 5 times a power of ten apart."""
    raw = max(top / wanted, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(int(power * m) or 1 for m in (1, 2, 5, 10) if power * m >= raw)
    return list(range(0, int(top) + 1, step))


@dataclass(frozen=True)
class Curve:
    """One stage's training: `validation` and `loss` as SVG points in a 100 x 100 box, with their ends for people."""

    title: str
    epochs: int
    validation: str
    validation_last: float | None
    validation_best: float | None
    loss: str
    loss_last: float | None


def curves(stages: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> tuple[list[Curve], float]:
    """A curve for each (title, history) with at least two epochs, and the accuracy where their common axis starts."""
    series = []
    for title, history in stages:
        validation = [number(epoch.get("validation")) for epoch in history]
        loss = [number(epoch.get("loss")) for epoch in history]
        if max(len(_known(validation)), len(_known(loss))) >= 2:
            series.append((title, validation, loss))
    lowest = min((v for _, validation, _ in series for _, v in _known(validation)), default=0.0)
    floor = max(0.0, math.floor(min(lowest, 0.99) * 10) / 10)
    found = []
    for title, validation, loss in series:
        accuracies, losses = _known(validation), _known(loss)
        found.append(
            Curve(
                title=title,
                epochs=len(validation),
                validation=_points(accuracies, len(validation), floor, 1.0),
                validation_last=accuracies[-1][1] if accuracies else None,
                validation_best=max((v for _, v in accuracies), default=None),
                loss=_points(losses, len(loss), 0.0, max((v for _, v in losses), default=1.0)),
                loss_last=losses[-1][1] if losses else None,
            )
        )
    return found, floor


def _known(values: Sequence[float | int | None]) -> list[tuple[int, float]]:
    return [(index, float(value)) for index, value in enumerate(values) if value is not None]


def _points(values: Sequence[tuple[int, float]], length: int, low: float, high: float) -> str:
    if len(values) < 2:
        return ""
    span = (high - low) or 1.0
    thinned = [*values[: -1 : 1 + len(values) // MAX_POINTS], values[-1]]
    return " ".join(f"{100 * i / (length - 1):.2f},{100 - 100 * (v - low) / span:.2f}" for i, v in thinned)


@dataclass(frozen=True)
class SeedRow:
    """One way of training: accuracies over seeds as places in percent, their mean, and its place."""

    title: str
    places: tuple[float, ...]
    mean: float
    mean_place: float
    low: float
    high: float


@dataclass(frozen=True)
class SeedPicture:
    """Control against distilled, seed by seed, on an axis from `low` to `high` (fractions of 1)."""

    rows: tuple[SeedRow, ...]
    low: float
    high: float
    ticks: tuple[Tick, ...]


def seed_picture(distillation: Mapping[str, Any]) -> SeedPicture | None:
    """The accuracies over seeds, or None where there are none."""
    groups = [
        (title, numbers(distillation.get(key))) for title, key in (("Control", "control"), ("Distilled", "distilled"))
    ]
    groups = [(title, values) for title, values in groups if values]
    if not groups:
        return None
    everything = [value for _, values in groups for value in values]
    low = max(0.0, math.floor(min(everything) * 20 - 0.2) / 20)
    high = min(1.0, math.ceil(max(everything) * 20 + 0.2) / 20)
    high = high if high > low else low + 0.05

    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    rows = []
    for title, values in groups:
        mean = sum(values) / len(values)
        spots = tuple(place(v) for v in values)
        rows.append(SeedRow(title, spots, mean, place(mean), min(values), max(values)))
    count = max(1, round((high - low) / 0.05))
    every = 1 + (count - 1) // 5
    ticks = tuple(Tick(100 * i / count, low + (high - low) * i / count) for i in range(0, count + 1, every))
    return SeedPicture(tuple(rows), low, high, ticks)


@dataclass(frozen=True)
class Cell:
    """An entry of a confusion matrix: its count, and its share of the row (0 to 1)."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: rows are the true classes, columns the answers; `worst` its largest confusions."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    samples: int
    right: int
    worst: tuple[tuple[str, str, int], ...]

    @property
    def drawn(self) -> bool:
        """Whether the matrix is small enough to be shown whole."""
        return len(self.rows) <= MAX_MATRIX_CLASSES


def matrix(title: str, counts: object, labels: Sequence[str]) -> Matrix | None:
    """A confusion matrix from a square list of lists, or None where it is absent or not square."""
    rows = [[int(number(v) or 0) for v in listing(row)] for row in listing(counts)]
    size = len(rows)
    if not size or any(len(row) != size for row in rows):
        return None
    names = tuple(labels[i] if i < len(labels) and labels[i] else str(i) for i in range(size))
    cells = tuple(
        tuple(Cell(n, n / sum(row) if sum(row) else 0.0, i == j) for j, n in enumerate(row))
        for i, row in enumerate(rows)
    )
    wrong = sorted(
        ((n, i, j) for i, row in enumerate(rows) for j, n in enumerate(row) if i != j and n > 0), reverse=True
    )
    shown = wrong[:3] if size <= MAX_MATRIX_CLASSES else wrong[:12]
    return Matrix(
        title=title,
        labels=names,
        rows=cells,
        samples=sum(map(sum, rows)),
        right=sum(rows[i][i] for i in range(size)),
        worst=tuple((names[i], names[j], n) for n, i, j in shown),
    )


@dataclass(frozen=True)
class Segment:
    """A part of a stacked bar: place and width in percent, and which of the palette's fills it takes."""

    name: str
    bytes: float
    x: float
    width: float
    model: bool
    fill: int


def stacked(parts: Sequence[tuple[str, float, bool]]) -> list[Segment]:
    """A stacked bar from (name, bytes, belongs to the model), scaled to its sum."""
    whole = sum(size for _, size, _ in parts) or 1
    edges = [0.0]
    for _, size, _ in parts:
        edges.append(edges[-1] + 100 * size / whole)
    return [
        Segment(name, size, low, high - low, model, index)
        for index, ((name, size, model), (low, high)) in enumerate(zip(parts, pairwise(edges), strict=True))
    ]
