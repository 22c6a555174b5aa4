"""Where the model's states lie in static memory: one after the other, in the order of their tensors."""

from __future__ import annotations

from tinykit.graph.model import Graph

ALIGNMENT = 8
"""Of every state, in bytes: what the widest element type needs."""


def state_offsets(graph: Graph) -> dict[int, int]:
    """Tensor index of each state -> bytes from the start of the states' memory."""
    offsets, end = {}, 0
    for tensor in graph.states:
        offsets[tensor.index] = end
        end += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
    return offsets


def state_bytes(graph: Graph) -> int:
    """Bytes of static memory that the states take."""
    return sum(-(-t.nbytes // ALIGNMENT) * ALIGNMENT for t in graph.states)
