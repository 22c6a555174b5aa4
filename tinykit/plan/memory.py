"""The arena planner: where each buffer lies, so that buffers alive at the same time keep apart.

    plan_memory(requests: Sequence[Request],
                permissions: Sequence[Permission] = (),
                aliases: Sequence[Alias] = ()) -> Memory(offsets, total, lower_bound)

`tinykit.plan.buffers.place(graph, steps)` makes the requests of a schedule and calls it.

A placement follows from an order of the buffers: each in turn goes to the lowest offset that those before it allow.
Some order always gives the best placement (its buffers sorted by offset do: each one's lowest place is never above
its best one), so the search is one over orders: all of them where there are few, else a few telling ones, improved by
small changes. It stops at the lower bound, or after a fixed amount of work: the same input gives the same output on
every machine.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Name = Hashable

WORK = 80_000
"""Buffers placed, over all tried orders, before the search settles: about half a second."""


@dataclass(frozen=True)
class Request:
    """A buffer to place: `size` bytes at a multiple of `alignment`, alive from step `first` to `last` inclusive."""

    name: Name
    size: int
    first: int
    last: int
    alignment: int = 4


@dataclass(frozen=True)
class Permission:
    """The step that first writes `output` and last reads `input` allows them to share memory.

    The output may then start at any offset up to the input's minus `before` bytes, see `Overlap` in plan/model.py.
    A permission between buffers that meet in more than that step has no effect.
    """

    input: Name
    output: Name
    before: int = 0


class Alias(NamedTuple):
    """`other` is the bytes of `one` from byte `offset` on (all of them: a RESHAPE; some: a part of a SPLIT)."""

    one: Name
    other: Name
    offset: int = 0


@dataclass(frozen=True)
class Memory:
    """A placement: bytes from the arena's start for each name, the arena's size, and what no placement can beat."""

    offsets: dict[Name, int]
    total: int
    lower_bound: int


def plan_memory(
    requests: Sequence[Request],
    permissions: Sequence[Permission] = (),
    aliases: Sequence[tuple[Name, Name] | Alias] = (),
    work: int = WORK,
) -> Memory:
    """Place every request; see the module's text.

    Args:
        requests: the buffers, with unique names.
        permissions: pairs that may share memory.
        aliases: names that are the same bytes (a RESHAPE's input and output), or lie inside others. That names which
            meet in the same bytes hold the same values is the caller's promise.
        work: how many buffers to place, over all tried orders.

    Raises: KeyError for a permission or alias of a name that was not requested; ValueError for aliases that
        contradict each other or an alignment.
    """
    blocks, block_of, shift = _merge_aliases(requests, [Alias(*alias) for alias in aliases])
    shared = _usable(blocks, block_of, shift, permissions)
    bound = _lower_bound(blocks, shared)
    arena = _Arena(blocks, shared)
    total, places = _search(arena, blocks, bound, work)
    return Memory({r.name: places[block_of[r.name]] + shift[r.name] for r in requests}, total, bound)


@dataclass(frozen=True)
class Sharing:
    """A permission with its buffers' sizes in bytes."""

    input: Name
    output: Name
    input_size: int
    output_size: int
    before: int


def shared_bytes(pairs: Iterable[Sharing]) -> int:
    """An upper bound on the bytes that permissions of one step can save.

    An output that starts `before` bytes ahead of its input shares at most min(input, output - before) bytes with it;
    a buffer's parts shared with several others are disjoint, so together they never exceed its own size.
    """
    by_input: dict[Name, int] = {}
    by_output: dict[Name, int] = {}
    for pair in pairs:
        saved = max(0, min(pair.input_size, pair.output_size - pair.before))
        by_input[pair.input] = min(pair.input_size, by_input.get(pair.input, 0) + saved)
        by_output[pair.output] = min(pair.output_size, by_output.get(pair.output, 0) + saved)
    return min(sum(by_input.values()), sum(by_output.values()))


# --- the problem ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """Requests that are the same bytes, as one."""

    size: int
    first: int
    last: int
    alignment: int


Shared = dict[tuple[int, int], int]
"""(input block, output block) -> bytes that the output must start before the input."""


def _merge_aliases(
    requests: Sequence[Request], aliases: Sequence[Alias]
) -> tuple[list[_Block], dict[Name, int], dict[Name, int]]:
    """The blocks, the block of each name, and where in its block it starts."""
    group = {request.name: position for position, request in enumerate(requests)}
    if len(group) != len(requests):
        raise KeyError("a buffer is requested twice")
    shift = dict.fromkeys(group, 0)
    for one, other, offset in aliases:
        old, new, moved = group[other], group[one], shift[one] + offset - shift[other]
        if old == new and moved:
            raise ValueError(f"{other} cannot lie {offset} bytes behind {one}: other aliases say otherwise")
        for name in [n for n, g in group.items() if g == old]:
            group[name] = new
            shift[name] += moved
    members: dict[int, list[Request]] = {}
    for request in requests:
        members.setdefault(group[request.name], []).append(request)
    blocks = []
    for rs in members.values():
        start = min(shift[r.name] for r in rs)
        for r in rs:
            shift[r.name] -= start
            if shift[r.name] % r.alignment:
                raise ValueError(f"{r.name} lies {shift[r.name]} bytes into others, off its alignment {r.alignment}")
        blocks.append(
            _Block(
                max(shift[r.name] + r.size for r in rs),
                min(r.first for r in rs),
                max(r.last for r in rs),
                math.lcm(*(r.alignment for r in rs)),
            )
        )
    number = {g: i for i, g in enumerate(members)}
    return blocks, {name: number[g] for name, g in group.items()}, shift


def _usable(
    blocks: list[_Block], block_of: dict[Name, int], shift: dict[Name, int], permissions: Sequence[Permission]
) -> Shared:
    """The permissions between different blocks of which one dies where the other is born."""
    shared: Shared = {}
    for permission in permissions:
        pair = block_of[permission.input], block_of[permission.output]
        if pair[0] != pair[1] and blocks[pair[0]].last == blocks[pair[1]].first:
            before = permission.before + shift[permission.output] - shift[permission.input]
            shared[pair] = max(before, shared.get(pair, before))
    return shared


def _lower_bound(blocks: list[_Block], shared: Shared) -> int:
    """The most bytes that must be distinct at one step."""
    bound = 0
    for step in sorted({b.first for b in blocks}):
        alive = {i for i, b in enumerate(blocks) if b.first <= step <= b.last}
        saved = shared_bytes(
            Sharing(i, o, blocks[i].size, blocks[o].size, before)
            for (i, o), before in shared.items()
            if i in alive and o in alive
        )
        bound = max(bound, sum(blocks[i].size for i in alive) - saved)
    return bound


class _Arena:
    """Places blocks in a given order, each at its lowest possible offset."""

    def __init__(self, blocks: list[_Block], shared: Shared) -> None:
        self.blocks = blocks
        # For each block its neighbours in time: (other, low, high) forbids other + low < offset < other + high.
        self.neighbours: list[list[tuple[int, int, int]]] = [[] for _ in blocks]
        for me, other in itertools.permutations(range(len(blocks)), 2):
            mine, its = blocks[me], blocks[other]
            if mine.first > its.last or its.first > mine.last:
                continue
            low, high = -mine.size, its.size
            if (other, me) in shared:
                low = max(low, -shared[other, me])
            if (me, other) in shared:
                high = min(high, shared[me, other])
            self.neighbours[me].append((other, low, high))

    def place(self, order: Sequence[int]) -> tuple[int, list[int]]:
        """The arena's size and every block's offset when blocks are placed in this order."""
        offsets = [-1] * len(self.blocks)
        total = 0
        for me in order:
            block = self.blocks[me]
            forbidden = sorted(
                (offsets[other] + low, offsets[other] + high)
                for other, low, high in self.neighbours[me]
                if offsets[other] >= 0
            )
            offset = 0
            for low, high in forbidden:
                if offset <= low:
                    break
                if offset < high:
                    offset = -(-high // block.alignment) * block.alignment
            offsets[me] = offset
            total = max(total, offset + block.size)
        return total, offsets


# --- the search -----------------------------------------------------------------------------------


def _search(arena: _Arena, blocks: list[_Block], bound: int, work: int) -> tuple[int, list[int]]:
    tries = max(work // max(len(blocks), 1), 100)
    best = min(_stop_at(bound, (arena.place(order) for order in _orders(blocks))), key=lambda p: p[0])
    if best[0] == bound:
        return best
    if math.factorial(min(len(blocks), 20)) <= tries:
        every = itertools.permutations(range(len(blocks)))
        return min(_stop_at(bound, (arena.place(order) for order in every)), key=lambda p: p[0])
    return _improve(arena, blocks, best, bound, tries)


def _stop_at(bound: int, placements: Iterator[tuple[int, list[int]]]) -> Iterator[tuple[int, list[int]]]:
    """The placements up to the first that reaches the bound."""
    for placement in placements:
        yield placement
        if placement[0] <= bound:
            return


def _orders(blocks: list[_Block]) -> Iterator[list[int]]:
    """The orders to try first: large, long-lived, or crowded buffers before others, and along time both ways."""
    numbers = range(len(blocks))

    def crowd(step: int) -> int:
        return sum(b.size for b in blocks if b.first <= step <= b.last)

    steps = {s: crowd(s) for b in blocks for s in (b.first, b.last)}
    crowded = [max(size for s, size in steps.items() if b.first <= s <= b.last) for b in blocks]
    yield sorted(numbers, key=lambda i: (-blocks[i].size, blocks[i].first))
    yield sorted(numbers, key=lambda i: (-blocks[i].size, -blocks[i].last))
    yield sorted(numbers, key=lambda i: (-crowded[i], -blocks[i].size, blocks[i].first))
    yield sorted(numbers, key=lambda i: (-crowded[i], -blocks[i].last, blocks[i].size))
    yield sorted(numbers, key=lambda i: (blocks[i].first - blocks[i].last, -blocks[i].size))
    yield sorted(numbers, key=lambda i: (-blocks[i].last, -blocks[i].size))
    yield sorted(numbers, key=lambda i: (blocks[i].first, -blocks[i].size))


def _improve(
    arena: _Arena, blocks: list[_Block], start: tuple[int, list[int]], bound: int, tries: int
) -> tuple[int, list[int]]:
    """Move blocks within the order, mostly those at the arena's top, and keep what does not make it larger."""
    choose = random.Random(0)
    best = start
    order = sorted(range(len(blocks)), key=lambda i: best[1][i])
    current = best
    for _ in range(tries):
        if best[0] <= bound:
            break
        top = [p for p, i in enumerate(order) if current[1][i] + blocks[i].size == current[0]]
        taken = choose.choice(top) if choose.random() < 0.5 else choose.randrange(len(order))
        changed = [*order[:taken], *order[taken + 1 :]]
        changed.insert(choose.randrange(len(order)), order[taken])
        placement = arena.place(changed)
        if placement[0] <= current[0]:
            order, current = changed, placement
            best = min(best, placement, key=lambda p: p[0])
    return best
