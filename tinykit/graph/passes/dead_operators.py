"""Operators whose results nobody reads."""

from __future__ import annotations

from tinykit.graph.edit import with_operators
from tinykit.graph.model import Graph, Operator


def drop_dead_operators(graph: Graph) -> Graph:
    """Remove operators that no model output depends on."""
    needed = set(graph.outputs)
    kept: list[Operator] = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            needed.update(operator.inputs)
            kept.append(operator)
    return graph if len(kept) == len(graph.operators) else with_operators(graph, kept[::-1])
