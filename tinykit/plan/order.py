"""The order of execution: any topological one computes the same; take one whose worst moment needs the least memory.

    best_order(tasks: Sequence[Task | Step], sizes: Mapping[int, int], outputs: Collection[int]) -> tuple[int, ...]
        positions of the tasks in their new order; the given order itself where none is better
    peak_bytes(tasks, sizes, outputs, order=None) -> int
    ordered(graph) -> Graph
        a graph with its operators in the best order, for use before kernels are chosen

The search goes forward through the sets of tasks that can be done first, all sets of one size at a time: what is alive
depends on the set alone, so of all ways to reach a set only the one with the lowest peak matters (a dynamic programme
over the ideals of the partial order). That is exact as long as no size has more sets than the search keeps; beyond,
it keeps the most promising ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tinykit.graph.model import NO_TENSOR, Graph
from tinykit.plan.buffers import overlaps_by_tensor
from tinykit.plan.memory import Sharing, shared_bytes
from tinykit.plan.model import Overlap, Step

WORK = 200_000
"""Most steps from set to set in the whole search: under two seconds, and far fewer for graphs with few branches."""


@dataclass(frozen=True)
class Task:
    """What the order depends on; a `Step` has the same fields.

    Attributes: `inputs` and `outputs` by tensor index (constants left out), `scratch` bytes, `alias` where the output
    is the input's bytes, `overlaps` as in `Step`.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    scratch: int = 0
    alias: bool = False
    overlaps: tuple[Overlap, ...] = ()


def best_order(tasks: Sequence[Task | Step], sizes: Mapping[int, int], outputs: Collection[int]) -> tuple[int, ...]:
    """A topological order with the lowest peak of live bytes that the search finds; never worse than the given one.

    Args:
        tasks: in a valid order: what a task reads comes from tasks before it, or from outside (a model input).
        sizes: bytes of every tensor that a task reads or writes.
        outputs: tensors that must be kept to the end.
    """
    schedule = _Schedule(tasks, sizes, outputs)
    given = tuple(range(len(tasks)))
    best = schedule.peak(given)
    if best <= schedule.least_peak():
        return given
    # Each of n rounds tries at most n tasks on every set kept.
    width = max(WORK // max(len(tasks), 1) ** 2, 16)
    return schedule.search(best, width) or given


def peak_bytes(
    tasks: Sequence[Task | Step],
    sizes: Mapping[int, int],
    outputs: Collection[int],
    order: Sequence[int] | None = None,
) -> int:
    """The most bytes alive during any task, in the given order of positions (default: as they stand)."""
    return _Schedule(tasks, sizes, outputs).peak(range(len(tasks)) if order is None else order)


def ordered(graph: Graph) -> Graph:
    """The graph with its operators in the best order, RESHAPE taken as an alias and nothing else in place."""
    tasks = [
        Task(
            tuple(i for i in o.inputs if i != NO_TENSOR and not graph.tensor(i).is_constant),
            o.outputs,
            alias=o.op == "RESHAPE",
        )
        for o in graph.operators
    ]
    sizes = {i: graph.tensor(i).nbytes for task in tasks for i in (*task.inputs, *task.outputs)}
    order = best_order(tasks, sizes, graph.outputs)
    return graph.with_changes(operators=tuple(graph.operators[position] for position in order))


@dataclass(frozen=True)
class _State:
    """A set of tasks done: the peak on the way, the bytes alive now, and the way itself (last task, state before)."""

    peak: int
    alive: int
    last: int = -1
    before: _State | None = None

    def order(self) -> tuple[int, ...]:
        """The tasks from first to last."""
        found = []
        state: _State | None = self
        while state is not None and state.before is not None:
            found.append(state.last)
            state = state.before
        return tuple(reversed(found))


class _Schedule:
    """The tasks with everything precomputed; sets of tasks are bit masks, tensors that share bytes one buffer."""

    def __init__(self, tasks: Sequence[Task | Step], sizes: Mapping[int, int], outputs: Collection[int]) -> None:
        self.count = len(tasks)
        buffer_of = _buffers(tasks)
        self.sizes: dict[int, int] = {}
        self.users: dict[int, int] = {}
        creator: dict[int, int] = {}
        for number, task in enumerate(tasks):
            for tensor in (*task.inputs, *task.outputs):
                buffer = buffer_of[tensor]
                self.sizes[buffer] = max(self.sizes.get(buffer, 0), sizes[tensor])
                self.users[buffer] = self.users.get(buffer, 0) | 1 << number
            creator |= {tensor: number for tensor in task.outputs if buffer_of[tensor] == tensor}
        self.kept = {buffer_of[t] for t in outputs if t in buffer_of}
        self.touched = [sorted({buffer_of[t] for t in (*k.inputs, *k.outputs)}) for k in tasks]
        self.born = [[b for b in self.touched[n] if creator.get(b) == n] for n in range(self.count)]
        self.scratch = [task.scratch for task in tasks]
        self.needs = _dependencies(tasks)
        self.sharing = [_sharing(task, buffer_of, self.sizes) for task in tasks]
        self.start = _State(0, sum(size for b, size in self.sizes.items() if b not in creator))

    def after(self, done: int, state: _State, task: int) -> _State:
        """The state once `task` is done too."""
        now = done | 1 << task
        dying = {b for b in self.touched[task] if b not in self.kept and not self.users[b] & ~now}
        during = state.alive + sum(self.sizes[b] for b in self.born[task])
        saved = shared_bytes(s for s in self.sharing[task] if s.input in dying and s.output in self.born[task])
        peak = max(state.peak, during + self.scratch[task] - saved)
        return _State(peak, during - sum(self.sizes[b] for b in dying), task, state)

    def peak(self, order: Sequence[int]) -> int:
        """The peak of one order."""
        done, state = 0, self.start
        for task in order:
            state = self.after(done, state, task)
            done |= 1 << task
        return state.peak

    def least_peak(self) -> int:
        """What no order can beat: the buffers that some task touches, shared as far as it may ever share them."""
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
                for task in range(self.count):
                    if done >> task & 1 or self.needs[task] & ~done:
                        continue
                    after = self.after(done, state, task)
                    known = following.get(done | 1 << task)
                    if after.peak < (limit if known is None else known.peak):
                        following[done | 1 << task] = after
            kept = sorted(following.items(), key=lambda item: (item[1].peak, item[1].alive, item[0]))
            states = dict(kept[:width])
        return next((state.order() for state in states.values()), None)


def _buffers(tasks: Sequence[Task | Step]) -> dict[int, int]:
    """Tensor -> the tensor whose bytes it is, itself unless an alias made it."""
    buffer_of: dict[int, int] = {}
    for task in tasks:
        for tensor in task.inputs:
            buffer_of.setdefault(tensor, tensor)
        for tensor in task.outputs:
            buffer_of[tensor] = buffer_of[task.inputs[0]] if task.alias else tensor
    return buffer_of


def _dependencies(tasks: Sequence[Task | Step]) -> list[int]:
    producer = {tensor: number for number, task in enumerate(tasks) for tensor in task.outputs}
    needs = [0] * len(tasks)
    for number, task in enumerate(tasks):
        for tensor in task.inputs:
            if tensor in producer:
                needs[number] |= 1 << producer[tensor]
    return needs


def _sharing(task: Task | Step, buffer_of: Mapping[int, int], sizes: Mapping[int, int]) -> list[Sharing]:
    found = []
    for given, made, before in overlaps_by_tensor(task.inputs, task.outputs, task.overlaps):
        one, other = buffer_of[given], buffer_of[made]
        if one != other:
            found.append(Sharing(one, other, sizes[one], sizes[other], before))
    return found
