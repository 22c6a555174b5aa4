"""Where running operators row by row lowers the peak, do it: see rows.py.

    fuse(graph, steps, offer) -> steps

The worst moment of the schedule is looked for, all runs of a few steps around it are tried, and the one that needs the
least memory is taken; then the next worst, until nothing helps. What the final peak does not need is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinykit.errors import UnsupportedModel
from tinykit.graph.model import Graph, Operator
from tinykit.plan.model import Step
from tinykit.plan.order import bytes_by_step
from tinykit.plan.rows import Offer, row_by_row

LONGEST = 6
"""Steps in a run at most: longer ones gather more rows than they save."""

WORTH = 32
"""A run must lower the peak by one part in so many: it costs code and some copying."""


def fuse(graph: Graph, steps: Sequence[Step], offer: Offer) -> tuple[Step, ...]:
    """The steps, some of them replaced by row-by-row ones where that lowers the most bytes alive in this order.

    Args:
        steps: one for each operator, in order of execution.
        offer: the preferred kernel of an operator, also where it makes one row only.
    """
    search = _Search(graph, steps, offer)
    runs: list[_Run] = []
    while True:
        alive = search.alive(runs)
        best = search.best_around(runs, alive)
        # In an arena of few bytes the share is 0, but the peak must fall, or the same run would be found for ever.
        if best is None or search.need(runs, best) > max(alive) - max(max(alive) // WORTH, 1):
            return search.steps(_needed(search, runs))
        runs = [run for run in runs if run.last < best.first or run.first > best.last] + [best]


@dataclass(frozen=True, eq=False)
class _Run:
    """Steps `first` to `last` as one."""

    first: int
    last: int
    step: Step


class _Search:
    """The problem, and the runs tried so far by their first and last step."""

    def __init__(self, graph: Graph, steps: Sequence[Step], offer: Offer) -> None:
        self._graph = graph
        self._steps = tuple(steps)
        self._offer = offer
        self._operators: Mapping[int, Operator] = {o.outputs[0]: o for o in graph.operators}
        self._sizes = {i: graph.tensor(i).nbytes for step in steps for i in (*step.inputs, *step.outputs)}
        self._known: dict[tuple[int, int], Step | None] = {}

    def steps(self, runs: Sequence[_Run]) -> tuple[Step, ...]:
        """The schedule with these runs."""
        return tuple(step for _, step in self._numbered(runs))

    def alive(self, runs: Sequence[_Run]) -> tuple[int, ...]:
        """Bytes alive during each of the original steps."""
        numbered = self._numbered(runs)
        by_first = dict(zip((n for n, _ in numbered), self._bytes(runs), strict=True))
        found: list[int] = []
        for number in range(len(self._steps)):
            found.append(by_first.get(number, found[-1] if found else 0))
        return tuple(found)

    def need(self, runs: Sequence[_Run], run: _Run) -> int:
        """Bytes alive during `run`."""
        return self.alive([*(r for r in runs if r.last < run.first or r.first > run.last), run])[run.first]

    def best_around(self, runs: Sequence[_Run], alive: Sequence[int]) -> _Run | None:
        """The run around the worst moment that needs the least memory, the shortest of several; None without any."""
        if not alive:
            return None
        worst = alive.index(max(alive))
        found = [run for run in self._around(worst) if not any(_cuts(run, other) for other in runs)]
        return min(found, key=lambda run: (self.need(runs, run), run.last - run.first), default=None)

    def _around(self, worst: int) -> Iterator[_Run]:
        for first in range(max(worst - LONGEST + 1, 0), worst + 1):
            for last in range(worst, min(first + LONGEST, len(self._steps))):
                step = self._run(first, last)
                if step is not None:
                    yield _Run(first, last, step)

    def _run(self, first: int, last: int) -> Step | None:
        if (first, last) not in self._known:
            self._known[first, last] = self._made(self._steps[first : last + 1])
        return self._known[first, last]

    def _made(self, steps: Sequence[Step]) -> Step | None:
        if any(step.states for step in steps):
            return None
        try:
            return row_by_row(self._graph, [self._operators[step.outputs[0]] for step in steps], self._offer)
        except UnsupportedModel:
            return None

    def _numbered(self, runs: Sequence[_Run]) -> list[tuple[int, Step]]:
        """The schedule with the number of each step's first original."""
        by_first = {run.first: run for run in runs}
        found, number = [], 0
        while number < len(self._steps):
            run = by_first.get(number)
            found.append((number, self._steps[number] if run is None else run.step))
            number = number + 1 if run is None else run.last + 1
        return found

    def _bytes(self, runs: Sequence[_Run]) -> tuple[int, ...]:
        return bytes_by_step(self.steps(runs), self._sizes, self._graph.outputs)


def _cuts(one: _Run, other: _Run) -> bool:
    """Whether they overlap without `one` covering `other`."""
    apart = one.last < other.first or one.first > other.last
    return not apart and not (one.first <= other.first and one.last >= other.last)


def _needed(search: _Search, runs: Sequence[_Run]) -> list[_Run]:
    """The runs without those that the peak does not need."""
    kept = list(runs)
    for run in runs:
        fewer = [r for r in kept if r is not run]
        if max(search.alive(fewer), default=0) <= max(search.alive(kept), default=0):
            kept = fewer
    return kept
