"""Which tensors lie inside others: parts of a CONCATENATION written in place, parts of a SPLIT read in place.

    settle_places(graph, steps, copying) -> steps

It saves copies, but keeps the whole of a buffer alive while any part of it is; so it is done where it does not raise
the peak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinykit.graph.model import Graph
from tinykit.plan.model import Step
from tinykit.plan.order import peak_bytes

Copying = Callable[[Step], Step]
"""A step that lays tensors inside others -> the same by copies."""


def settle_places(graph: Graph, steps: Sequence[Step], copying: Copying) -> tuple[Step, ...]:
    """The steps, each as given or by copies.

    Args:
        steps: in a valid order, laying tensors inside others wherever the kernels can.
        copying: gives the other form of a step.
    """
    sizes = {i: graph.tensor(i).nbytes for step in steps for i in (*step.inputs, *step.outputs)}
    settled = [copying(step) if _lays_parts(step, sizes) else step for step in steps]
    for number, step in enumerate(steps):
        if settled[number] is step:
            continue
        trial = [*settled[:number], step, *settled[number + 1 :]]
        if _is_sound(trial, sizes) and peak_bytes(trial, sizes, graph.outputs) <= peak_bytes(
            settled, sizes, graph.outputs
        ):
            settled = trial
    return tuple(settled)


def _lays_parts(step: Step, sizes: dict[int, int]) -> bool:
    return any(sizes[p.inner] != sizes[p.outer] for p in step.shared_places)


def _is_sound(steps: Sequence[Step], sizes: dict[int, int]) -> bool:
    """Whether every tensor that is to lie inside another is free to: it fills its own buffer, and lies nowhere else.

    A tensor that the step itself makes always is; one that was made before may already be part of another, or have
    been taken by this step.
    """
    buffer_of: dict[int, int] = {}
    for step in steps:
        for tensor in (*step.inputs, *step.outputs):
            buffer_of.setdefault(tensor, tensor)
        for place in step.shared_places:
            inner, outer = buffer_of[place.inner], buffer_of[place.outer]
            if inner == outer or sizes[place.inner] < sizes[inner]:
                return False
            # The larger one stands for both.
            buffer_of = {t: outer if b == inner else b for t, b in buffer_of.items()}
    return True
