"""Small changes to a graph, each giving a new graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinykit.graph.model import NO_TENSOR, Graph, Operator


def with_operators(graph: Graph, operators: list[Operator] | tuple[Operator, ...]) -> Graph:
    """The graph with these operators, and without tensors that nothing refers to any more."""
    used = {i for o in operators for i in (*o.inputs, *o.outputs) if i != NO_TENSOR}
    used.update(graph.inputs, graph.outputs)
    tensors = {i: t for i, t in graph.tensors.items() if i in used}
    return graph.with_changes(operators=tuple(operators), tensors=tensors)


def replaced(graph: Graph, changes: dict[Operator, Operator | None]) -> Graph:
    """The graph with some operators replaced, or removed where the new one is None."""
    kept = [changes.get(o, o) for o in graph.operators]
    return with_operators(graph, [o for o in kept if o is not None])


def sole_consumer(graph: Graph, index: int) -> Operator | None:
    """The one operator that reads this tensor; None where there are several, none, or it is a model output."""
    consumers = graph.consumers(index)
    return consumers[0] if len(consumers) == 1 and index not in graph.outputs else None


def renamed_input(operator: Operator, old: int, new: int) -> Operator:
    """The operator reading tensor `new` wherever it read `old`."""
    return replace(operator, inputs=tuple(new if i == old else i for i in operator.inputs))


def bypassed(graph: Graph, operator: Operator) -> Graph | None:
    """The graph without an operator whose output's bytes are its first input's bytes.

    None where both ends are fixed: the output is a model output and the input is a model input, output or constant.
    """
    x, y = operator.inputs[0], operator.outputs[0]
    if y not in graph.outputs:
        changes: dict[Operator, Operator | None] = {o: renamed_input(o, y, x) for o in graph.consumers(y)}
        return replaced(graph, {**changes, operator: None})
    producer = graph.producer(x)
    if producer is None or x in graph.outputs:
        return None
    changes = {o: renamed_input(o, x, y) for o in graph.consumers(x) if o is not operator}
    changes[producer] = replace(producer, outputs=tuple(y if i == x else i for i in producer.outputs))
    return replaced(graph, {**changes, operator: None})


def each_operator(graph: Graph, rewriting: Callable[[Graph, Operator], Graph]) -> Graph:
    """Apply a rewriting to every operator in turn, as it is after the changes so far."""
    for index in [o.outputs[0] for o in graph.operators]:
        operator = graph.producer(index)
        if operator is not None:
            graph = rewriting(graph, operator)
    return graph
