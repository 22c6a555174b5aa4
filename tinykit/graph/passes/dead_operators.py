"""Operators whose results nobody reads."""

from __future__ import annotations

from tinykit.graph.edit import with_operators
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops import REGISTRY


def drop_dead_operators(graph: Graph) -> Graph:
    """Remove operators that neither a model output nor a state depends on."""
    needed = set(graph.outputs)
    kept: list[Operator] = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs) or _changes_state(operator):
            needed.update(operator.inputs)
            kept.append(operator)
    return graph if len(kept) == len(graph.operators) else with_operators(graph, kept[::-1])


def _changes_state(operator: Operator) -> bool:
    definition = REGISTRY.get(operator.op)
    return definition is not None and bool(definition.states) and definition.changes_states
