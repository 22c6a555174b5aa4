"""RESHAPE of RESHAPE."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.edit import each_operator, replaced
from tinykit.graph.model import Graph, Operator


def shorten_reshape_chains(graph: Graph) -> Graph:
    """Let a RESHAPE read what the RESHAPE before it read. The target shape is the output tensor's own."""
    return each_operator(graph, _shorten)


def _shorten(graph: Graph, operator: Operator) -> Graph:
    before = graph.producer(operator.inputs[0])
    if operator.op != "RESHAPE" or before is None or before.op != "RESHAPE":
        return graph
    return replaced(graph, {operator: replace(operator, inputs=(before.inputs[0],))})
