"""Operators that copy their input: RESHAPE to the same shape, PAD by nothing, QUANTIZE to the same quantization, and
clamps that cut nothing off."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import INTEGER_RANGES, relu, relu6, requantize
from tinykit.graph.edit import bypassed, each_operator
from tinykit.graph.model import Graph, Operator, Tensor

COPIES_OF_EQUAL_SHAPE = (
    *("RESHAPE", "PAD", "PADV2", "MIRROR_PAD", "SLICE", "BROADCAST_TO", "TILE"),
    *("CONCATENATION", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND"),
)
"""Operators that leave every value in its place where the shape stays."""


def drop_identities(graph: Graph) -> Graph:
    """Remove operators whose output always equals their input."""
    return each_operator(graph, _drop)


def _drop(graph: Graph, operator: Operator) -> Graph:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.shape == y.shape and x.dtype == y.dtype and _same_quantization(x, y) and _copies(operator, x, y):
        return bypassed(graph, operator) or graph
    return graph


def _same_quantization(x: Tensor, y: Tensor) -> bool:
    # Readers compute with the quantization of the tensor that they read, so equal bytes are not enough.
    a, b = x.quantization, y.quantization
    if a is None or b is None:
        return a is b
    return a.scale == b.scale and a.zero_point == b.zero_point


def _copies(operator: Operator, x: Tensor, y: Tensor) -> bool:
    if operator.op in COPIES_OF_EQUAL_SHAPE:
        return True
    known = {"QUANTIZE": ("int8", "uint8", "int16"), "RELU": ("int8",), "RELU6": ("int8",)}
    if x.dtype not in known.get(operator.op, ()):
        return False
    assert x.quantization is not None and y.quantization is not None
    low, high = INTEGER_RANGES[x.dtype]
    values = np.arange(low, high + 1)
    if operator.op == "QUANTIZE":
        result = requantize(values, x.quantization, y.quantization, y.dtype)
    elif operator.op == "RELU":
        result = relu(values, x.quantization, y.quantization)
    else:
        result = relu6(values, x.quantization)
    return bool((result == values).all())
