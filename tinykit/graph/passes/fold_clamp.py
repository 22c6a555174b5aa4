"""RELU and RELU6 after an operator that clamps its output anyway."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.edit import each_operator, replaced, sole_consumer
from tinykit.graph.model import Graph, Operator, Tensor

COMBINED = {
    ("NONE", "RELU"): "RELU",
    ("NONE", "RELU6"): "RELU6",
    ("RELU", "RELU"): "RELU",
    ("RELU", "RELU6"): "RELU6",
    ("RELU6", "RELU"): "RELU6",
    ("RELU6", "RELU6"): "RELU6",
}
"""One clamp after another, where the result has a name."""


def fold_clamps(graph: Graph) -> Graph:
    """Fuse RELU and RELU6 into what produces their input.

    Exact only if input and output share scale and zero point: then RELU's own requantization is the identity, both
    clamps are in the same units, and the producer may write the clamp's output in place of its own.
    """
    return each_operator(graph, _fold)


def _fold(graph: Graph, operator: Operator) -> Graph:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if operator.op not in ("RELU", "RELU6") or x.dtype != "int8":
        return graph
    producer = graph.producer(x.index)
    if producer is None or sole_consumer(graph, x.index) is not operator or not _same_quantization(x, y):
        return graph
    fused = _fused(producer, operator.op, y)
    return graph if fused is None else replaced(graph, {producer: fused, operator: None})


def _same_quantization(x: Tensor, y: Tensor) -> bool:
    if x.quantization is None or y.quantization is None:
        return False
    return x.quantization.scale == y.quantization.scale and x.quantization.zero_point == y.quantization.zero_point


def _fused(producer: Operator, clamp: str, y: Tensor) -> Operator | None:
    combined = COMBINED.get((getattr(producer.options, "activation", ""), clamp))
    if combined is None:
        return None
    return replace(producer, outputs=(y.index,), options=replace(producer.options, activation=combined))
