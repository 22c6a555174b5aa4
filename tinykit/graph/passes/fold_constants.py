"""Operators whose result is known before any inference: shapes, and values that only move or are counted with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinykit.graph.edit import each_operator, with_operators
from tinykit.graph.model import NO_TENSOR, Graph, Operator
from tinykit.graph.ops import REGISTRY

WITHOUT_INPUTS = ("SHAPE", "ZEROS_LIKE")
"""Operators that look at nothing but their input's shape."""

ARITHMETIC: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
}
"""What is computed of int32 and int64, as shapes are; numpy and TFLM both wrap around."""

WHOLE_NUMBERS = ("int32", "int64")

TAKE_CONSTANTS = ("GATHER", "GATHER_ND", "EMBEDDING_LOOKUP")
"""Further operators whose kernels read constants wherever they read tensors."""


def fold_constants(graph: Graph) -> Graph:
    """Make constants of results that no input can change, where every reader takes a constant."""
    return each_operator(graph, _fold)


def _fold(graph: Graph, operator: Operator) -> Graph:
    if any(index in graph.outputs for index in operator.outputs):
        return graph
    if not all(_takes_constant(graph, o, index) for index in operator.outputs for o in graph.consumers(index)):
        return graph
    values = _values(graph, operator)
    if values is None:
        return graph
    known = {i: replace(graph.tensor(i), data=data) for i, data in zip(operator.outputs, values, strict=True)}
    changed = graph.with_changes(tensors={**graph.tensors, **known})
    return with_operators(changed, [o for o in graph.operators if o is not operator])


def _takes_constant(graph: Graph, reader: Operator, index: int) -> bool:
    if REGISTRY[reader.op].moves is not None or reader.op in TAKE_CONSTANTS:
        return True
    if reader.op == "TRANSPOSE_CONV" and index not in reader.inputs[1:]:  # Its first input is the output's shape.
        return True
    # Such arithmetic is folded in turn, or has a computed operand beside the constant one.
    computed = [i for i in reader.inputs if i != NO_TENSOR and not graph.tensor(i).is_constant]
    return reader.op in ARITHMETIC and (graph.tensor(reader.outputs[0]).dtype in WHOLE_NUMBERS or len(computed) > 1)


def _values(graph: Graph, operator: Operator) -> list[np.ndarray] | None:
    """What the operator computes; None where an inference could change it."""
    tensors = [None if i == NO_TENSOR else graph.tensor(i) for i in operator.inputs]
    given = [
        np.empty(0, np.int8) if t is None else np.empty(t.shape, t.dtype) if t.data is None else t.data for t in tensors
    ]
    known = all(t is None or t.is_constant for t in tensors)
    outputs = [graph.tensor(i) for i in operator.outputs]
    moves = REGISTRY[operator.op].moves
    if moves is not None and (known or operator.op in WITHOUT_INPUTS):
        results = [np.empty(t.shape, t.dtype) for t in outputs]
        for target, source in moves(operator.options, given, results):
            np.copyto(target, source)
        return results
    rule = ARITHMETIC.get(operator.op)
    if rule is None or not known or outputs[0].dtype not in WHOLE_NUMBERS:
        return None
    if getattr(operator.options, "activation", "NONE") != "NONE":
        return None
    return [rule(*given)]
