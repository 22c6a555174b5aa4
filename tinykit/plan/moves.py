"""Moving a tensor back up the arena, so that the next steps can work in place again.

    add_moves(graph, steps, target) -> (graph, steps)

A window that writes over its input writes a little below it (see kernels/overlap.py); a chain of such steps therefore
creeps towards the arena's start, and the arena must be higher by the sum of those distances. Copying one tensor back up
in the middle of the chain, which costs less than an instruction a byte, halves that sum; several cut it further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.steps import INPUT, OUTPUT, make_step
from tinykit.plan.buffers import place
from tinykit.plan.model import Overlap, Step
from tinykit.targets import Target

WORTH = 96
"""Each move must lower the arena by one part in so many,"""

LEAST = 64
"""and by so many bytes: it costs code."""

MOST = 6
"""Moves at most."""

LARGE = 2
"""What is moved takes more than one part in so many of the arena: beside smaller tensors there is room to creep."""

TRIAL_WORK = 2_000
"""Buffers placed to judge one set of moves, see `plan_memory`."""

WORD = 4

Schedule = tuple[Graph, tuple[Step, ...]]


def add_moves(graph: Graph, steps: Sequence[Step], target: Target) -> Schedule:
    """The schedule with the moves that pay, spread evenly over the tensors that could move; the graph has those too."""
    plain: Schedule = graph, tuple(steps)
    placement = place(*plain, work=TRIAL_WORK)
    total, bound = placement.arena_bytes, placement.lower_bound
    movable = [one for one in _movable(*plain) if graph.tensor(one.tensor).nbytes * LARGE > bound]
    best, least, share = plain, total, _share(total)
    for count in range(1, min(MOST, len(movable)) + 1):
        if total - share * count < bound:
            break
        trial = plain
        for k in range(count, 0, -1):
            trial = _with_move(*trial, target, movable[k * len(movable) // (count + 1)])
        worth = place(*trial, work=TRIAL_WORK).arena_bytes + share * count
        if worth < least:
            best, least = trial, worth
    return best if best is plain or _pays(plain, best) else plain


def _pays(plain: Schedule, moved: Schedule) -> bool:
    """Whether the moves lower the arena also where it is laid out with all the work that the plan will do."""
    before, after = place(*plain).arena_bytes, place(*moved).arena_bytes
    moves = len(moved[1]) - len(plain[1])
    return after + _share(before) * moves < before


def _share(total: int) -> int:
    """What each move must save of an arena of so many bytes."""
    return max(total // WORTH, LEAST)


@dataclass(frozen=True)
class _Movable:
    """A tensor between the two steps in place that make it and read it."""

    maker: int
    tensor: int
    reader: int


def _movable(graph: Graph, steps: tuple[Step, ...]) -> Iterator[_Movable]:
    """In the order in which they are made."""
    held = {t for step in steps for p in step.shared_places for t in (p.inner, p.outer)}
    for number, step in enumerate(steps):
        for tensor in step.outputs:
            readers = [n for n, s in enumerate(steps) if tensor in s.inputs]
            fits = tensor not in held and tensor not in graph.outputs and graph.tensor(tensor).nbytes % WORD == 0
            if fits and len(readers) == 1 and step.overlaps and steps[readers[0]].overlaps:
                yield _Movable(number, tensor, readers[0])


def _with_move(graph: Graph, steps: tuple[Step, ...], target: Target, where: _Movable) -> Schedule:
    """The same schedule with the tensor copied right after it was made."""
    maker, tensor, reader = where.maker, where.tensor, where.reader
    old = graph.tensor(tensor)
    new = replace(old, index=max(graph.tensors) + 1)
    operator = Operator(f"{steps[maker].name} moved", "MOVE", (tensor,), (new.index,))
    move = make_step(
        operator,
        target,
        "tk_move",
        {"size": old.nbytes},
        [INPUT, OUTPUT],
        outputs=old.nbytes,
        overlaps=(Overlap(0, 0, -old.nbytes),),  # safe in either direction
    )
    read = replace(steps[reader], inputs=tuple(new.index if i == tensor else i for i in steps[reader].inputs))
    changed = (*steps[: maker + 1], move, *steps[maker + 1 : reader], read, *steps[reader + 1 :])
    return graph.with_changes(tensors=graph.tensors | {new.index: new}), changed
