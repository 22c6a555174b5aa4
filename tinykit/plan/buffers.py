"""From a schedule to the arena: what lives when, what may share memory, and where it all lies.

place(graph, steps, alignment=4) -> Placement(buffers, arena_bytes, lower_bound)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.model import Graph
from tinykit.plan.memory import WORK, Alias, Permission, Request, plan_memory
from tinykit.plan.model import Buffer, Overlap, Step


@dataclass(frozen=True)
class Placement:
    """Places of all tensors in the arena and of each step's scratch; bytes of the arena; see `Plan.lower_bound`."""

    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound: int


def place(graph: Graph, steps: Sequence[Step], alignment: int = 4, work: int = WORK) -> Placement:
    """Lay out the arena of `steps` in this order.

    Model inputs live from step 0, model outputs to the last step, and a model input's memory may serve other tensors
    once it is read. `alignment` (bytes) holds for every buffer; wider element types get their own. `work`: see
    `plan_memory`.
    """
    spans = _lifetimes(graph, steps)
    requests = [
        Request(
            index,
            graph.tensor(index).nbytes,
            first,
            last,
            max(alignment, np.dtype(graph.tensor(index).dtype).itemsize),
        )
        for index, (first, last) in spans.items()
    ]
    scratches = [
        Request(("scratch", number), step.scratch, number, number, max(alignment, 4))
        for number, step in enumerate(steps)
        if step.scratch
    ]
    aliases = [Alias(p.outer, p.inner, p.offset) for s in steps for p in s.shared_places]
    permissions = _permissions(steps)
    memory = plan_memory([*requests, *scratches], permissions, aliases, work)
    buffers = tuple(
        Buffer(
            r.name if isinstance(r.name, int) else None,
            memory.offsets[r.name],
            r.size,
            r.first,
            min(r.last, max(len(steps) - 1, 0)),
        )
        for r in [*requests, *scratches]
    )
    return Placement(buffers, memory.total, memory.lower_bound)


def shared_buffers(steps: Sequence[Step]) -> dict[int, int]:
    """Tensor -> one tensor that stands for all that lie inside each other; itself for those that lie alone."""
    holder: dict[int, int] = {}

    def root(tensor: int) -> int:
        while holder.setdefault(tensor, tensor) != tensor:
            tensor = holder[tensor]
        return tensor

    for step in steps:
        for tensor in (*step.inputs, *step.outputs):
            root(tensor)
        for place in step.shared_places:
            holder[root(place.inner)] = root(place.outer)
    return {tensor: root(tensor) for tensor in holder}


def _permissions(steps: Sequence[Step]) -> list[Permission]:
    """What the steps' overlaps allow. An input that lies together with others is overwritten only if all may be."""
    buffer_of = shared_buffers(steps)
    found = []
    for step in steps:
        granted = overlaps_by_tensor(step.inputs, step.outputs, step.overlaps)
        for tensor, output, before in granted:
            together = {t for t in step.inputs if buffer_of[t] == buffer_of[tensor]}
            if together <= {t for t, o, _ in granted if o == output}:
                found.append(Permission(tensor, output, before))
    return found


def _lifetimes(graph: Graph, steps: Sequence[Step]) -> dict[int, tuple[int, int]]:
    """Tensor index -> first and last step in which its bytes matter.

    Model outputs outlive the last step by one, so that no permission lets that step write over them.
    """
    spans: dict[int, tuple[int, int]] = dict.fromkeys(graph.inputs, (0, 0))
    for number, step in enumerate(steps):
        for index in (*step.inputs, *step.outputs):
            spans[index] = (spans.get(index, (number, number))[0], number)
    for index in graph.outputs:
        if index in spans:
            spans[index] = (spans[index][0], len(steps))
    return spans


def overlaps_by_tensor(
    inputs: Sequence[int], outputs: Sequence[int], overlaps: Sequence[Overlap]
) -> list[tuple[int, int, int]]:
    """A step's overlaps as (input tensor, output tensor, before).

    A tensor that the step reads at several positions needs permission for each of them, and the largest distance.
    """
    found = []
    for tensor in dict.fromkeys(inputs):
        positions = {p for p, t in enumerate(inputs) if t == tensor}
        for slot, output in enumerate(outputs):
            granted = [o for o in overlaps if o.input in positions and o.output == slot]
            if {o.input for o in granted} == positions:
                found.append((tensor, output, max(o.before for o in granted)))
    return found
