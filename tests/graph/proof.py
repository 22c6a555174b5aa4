"""Comparing graphs with the judge, tensor by tensor."""

from __future__ import annotations

import numpy as np

from tests.graph.reference import evaluate
from tinykit.graph.model import Graph
from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems
from tinykit.validate.judge import Judge
from tinykit.validate.vectors import vectors


def assert_equals_judge(graph: Graph, judged: dict[int, np.ndarray], inputs: list[np.ndarray]) -> int:
    """Every tensor that the reference computes equals the judge's, where it has a counterpart. Returns how many do."""
    compared = 0
    for index, value in evaluate(graph, inputs).items():
        tensor = graph.tensor(index)
        if tensor.is_constant or tensor.source not in judged or index in graph.inputs:
            continue
        expected = judged[tensor.source].reshape(-1, judged[tensor.source].shape[-1] if value.ndim else 1)
        if tensor.kept is not None:
            expected = expected[:, list(tensor.kept)]
        np.testing.assert_array_equal(value.reshape(expected.shape), expected, err_msg=tensor.name)
        compared += 1
    return compared


def prove(model: bytes, count: int = 6, seed: int = 0) -> tuple[Graph, Graph]:
    """Check the graph and its rewriting against the judge on `count` vectors; gives both graphs."""
    graph = read_graph(model)
    assert problems(graph) == []
    rewritten = rewrite(graph)
    assert problems(rewritten) == []
    assert (rewritten.inputs, rewritten.outputs) == (graph.inputs, graph.outputs)
    batches = vectors(graph, count, seed)
    with Judge(model) as judge:
        for i in range(count):
            inputs = [batch[i] for batch in batches]
            judged = judge.tensors(inputs)
            assert assert_equals_judge(graph, judged, inputs) > 0
            assert assert_equals_judge(rewritten, judged, inputs) > 0
    return graph, rewritten
