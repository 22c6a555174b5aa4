"""The order of execution: any topological one computes the same; take one whose worst moment needs the least memory.

    best_order(steps: Sequence[Step], sizes: Mapping[int, int], outputs: Collection[int]) -> tuple[int, ...]
        positions of the steps in their new order; the given order itself where none is better
    peak_bytes(steps, sizes, outputs, order=None) -> int
    bytes_by_step(steps, sizes, outputs) -> tuple[int, ...]

The search goes forward through the sets of steps that can be done first, all sets of one size at a time: what is alive
depends on the set alone, so of all ways to reach a set only the one with the lowest peak matters (a dynamic programme
over the ideals of the partial order). That is exact as long as no size has more sets than the search keeps; beyond,
it keeps the most promising ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tinykit.plan.buffers import overlaps_by_tensor, shared_buffers
from tinykit.plan.memory import Sharing, shared_bytes
from tinykit.plan.model import Step

WORK = 200_000
"""Most moves from one set to the next in the whole search: under two seconds; few branches need far fewer."""


def best_order(steps: Sequence[Step], sizes: Mapping[int, int], outputs: Collection[int]) -> tuple[int, ...]:
    """A topological order with the lowest peak of live bytes that the search finds; never worse than the given one.

    Args:
        steps: in a valid order: what a step reads comes from steps before it, or from outside (a model input).
        sizes: bytes of every tensor that a step reads or writes.
        outputs: tensors that must be kept to the end.
    """
    schedule = _Schedule(steps, sizes, outputs)
    given = tuple(range(len(steps)))
    best = schedule.peak(given)
    if best <= schedule.least_peak():
        return given
    # Each of n rounds tries at most n steps on every set kept.
    width = max(WORK // max(len(steps), 1) ** 2, 16)
    return schedule.search(best, width) or given


def peak_bytes(
    steps: Sequence[Step],
    sizes: Mapping[int, int],
    outputs: Collection[int],
    order: Sequence[int] | None = None,
) -> int:
    """The most bytes alive during any step, in the given order of positions (default: as they stand)."""
    return _Schedule(steps, sizes, outputs).peak(range(len(steps)) if order is None else order)


def bytes_by_step(steps: Sequence[Step], sizes: Mapping[int, int], outputs: Collection[int]) -> tuple[int, ...]:
    """The bytes alive during each step as they stand, less what its permissions can save."""
    schedule = _Schedule(steps, sizes, outputs)
    done, state, found = 0, schedule.start, []
    for step in range(len(steps)):
        state = schedule.after(done, replace(state, peak=0), step)
        found.append(state.peak)
        done |= 1 << step
    return tuple(found)


@dataclass(frozen=True)
class _State:
    """A set of steps done: the peak on the way, the bytes alive now, and the way itself (last step, state before)."""

    peak: int
    alive: int
    last: int = -1
    before: _State | None = None

    def order(self) -> tuple[int, ...]:
        """The steps from first to last."""
        found = []
        state: _State | None = self
        while state is not None and state.before is not None:
            found.append(state.last)
            state = state.before
        return tuple(reversed(found))


class _Schedule:
    """The steps with everything precomputed; sets of steps are bit masks, tensors that share bytes one buffer."""

    def __init__(self, steps: Sequence[Step], sizes: Mapping[int, int], outputs: Collection[int]) -> None:
        self.count = len(steps)
        buffer_of = shared_buffers(steps)
        self.sizes: dict[int, int] = {}
        self.users: dict[int, int] = {}
        made = {tensor for step in steps for tensor in step.outputs}
        for number, step in enumerate(steps):
            for tensor in (*step.inputs, *step.outputs):
                buffer = buffer_of[tensor]
                self.sizes[buffer] = max(self.sizes.get(buffer, 0), sizes[tensor])
                self.users[buffer] = self.users.get(buffer, 0) | 1 << number
        self.kept = {buffer_of[t] for t in outputs if t in buffer_of}
        self.touched = [sorted({buffer_of[t] for t in (*k.inputs, *k.outputs)}) for k in steps]
        self.given = {buffer_of[tensor] for step in steps for tensor in step.inputs if tensor not in made}
        self.scratch = [step.scratch for step in steps]
        self.needs = _dependencies(steps)
        self.sharing = [_sharing(step, buffer_of, self.sizes) for step in steps]
        self.start = _State(0, sum(self.sizes[b] for b in self.given))

    def after(self, done: int, state: _State, step: int) -> _State:
        """The state once `step` is done too."""
        now = done | 1 << step
        dying = {b for b in self.touched[step] if b not in self.kept and not self.users[b] & ~now}
        # A buffer is born with the first of the tensors that lie in it.
        born = {b for b in self.touched[step] if b not in self.given and not self.users[b] & done}
        during = state.alive + sum(self.sizes[b] for b in born)
        saved = shared_bytes(s for s in self.sharing[step] if s.input in dying and s.output in born)
        peak = max(state.peak, during + self.scratch[step] - saved)
        return _State(peak, during - sum(self.sizes[b] for b in dying), step, state)

    def peak(self, order: Sequence[int]) -> int:
        """The peak of one order."""
        done, state = 0, self.start
        for step in order:
            state = self.after(done, state, step)
            done |= 1 << step
        return state.peak

    def least_peak(self) -> int:
        """What no order can beat: the buffers that some step touches, shared as far as it may ever share them."""
        return max(
            (
                sum(self.sizes[b] for b in self.touched[n]) + self.scratch[n] - shared_bytes(self.sharing[n])
                for n in range(self.count)
            ),
            default=0,
        )

    def search(self, limit: int, width: int) -> tuple[int, ...] | None:
        """The order with the lowest peak below `limit`, keeping `width` sets of each size; None if none is found."""
        states = {0: self.start}
        for _ in range(self.count):
            following: dict[int, _State] = {}
            for done, state in states.items():
                for step in range(self.count):
                    if done >> step & 1 or self.needs[step] & ~done:
                        continue
                    after = self.after(done, state, step)
                    known = following.get(done | 1 << step)
                    if after.peak < (limit if known is None else known.peak):
                        following[done | 1 << step] = after
            kept = sorted(following.items(), key=lambda item: (item[1].peak, item[1].alive, item[0]))
            states = dict(kept[:width])
        return next((state.order() for state in states.values()), None)


def _dependencies(steps: Sequence[Step]) -> list[int]:
    producer = {tensor: number for number, step in enumerate(steps) for tensor in step.outputs}
    needs = [0] * len(steps)
    for number, step in enumerate(steps):
        for tensor in step.inputs:
            if tensor in producer:
                needs[number] |= 1 << producer[tensor]
        for before in range(number):
            if set(steps[before].states) & set(step.states):
                needs[number] |= 1 << before
    return needs


def _sharing(step: Step, buffer_of: Mapping[int, int], sizes: Mapping[int, int]) -> list[Sharing]:
    found = []
    for given, made, before in overlaps_by_tensor(step.inputs, step.outputs, step.overlaps):
        one, other = buffer_of[given], buffer_of[made]
        if one != other:
            found.append(Sharing(one, other, sizes[one], sizes[other], before))
    return found
