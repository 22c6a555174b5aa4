"""SQUEEZE and EXPAND_DIMS, and RESHAPE with its shape computed: all one RESHAPE of one input."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.edit import each_operator, replaced
from tinykit.graph.model import Graph, Operator

SAME_BYTES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def as_reshapes(graph: Graph) -> Graph:
    """Let the output's own shape say all, so that nothing else is read, kept, or computed."""
    return each_operator(graph, _as_reshape)


def _as_reshape(graph: Graph, operator: Operator) -> Graph:
    if operator.op not in SAME_BYTES or (operator.op == "RESHAPE" and len(operator.inputs) == 1):
        return graph
    return replaced(graph, {operator: replace(operator, op="RESHAPE", inputs=operator.inputs[:1], options=None)})
