"""QUANTIZE of QUANTIZE between integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import INTEGER_RANGES, requantize
from tinykit.graph.edit import each_operator, replaced
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.quantize import PAIRS

ENUMERABLE = ("int8", "uint8", "int16")
"""Types whose values are few enough to try them all."""


def shorten_quantize_chains(graph: Graph) -> Graph:
    """Let a QUANTIZE read what the QUANTIZE before it read, where one step gives the same as two for every value."""
    return each_operator(graph, _shorten)


def _shorten(graph: Graph, operator: Operator) -> Graph:
    before = graph.producer(operator.inputs[0])
    if operator.op != "QUANTIZE" or before is None or not _one_step_is_enough(graph, before, operator):
        return graph
    return replaced(graph, {operator: replace(operator, inputs=before.inputs)})


def _one_step_is_enough(graph: Graph, first: Operator, second: Operator) -> bool:
    if first.op != "QUANTIZE":
        return False
    x, middle, y = (graph.tensor(i) for i in (first.inputs[0], first.outputs[0], second.outputs[0]))
    if x.dtype not in ENUMERABLE or middle.dtype == "float32" or (x.dtype, y.dtype) not in PAIRS:
        return False
    assert x.quantization and middle.quantization and y.quantization
    low, high = INTEGER_RANGES[x.dtype]
    values = np.arange(low, high + 1)
    twice = requantize(
        requantize(values, x.quantization, middle.quantization, middle.dtype),
        middle.quantization,
        y.quantization,
        y.dtype,
    )
    return bool((twice == requantize(values, x.quantization, y.quantization, y.dtype)).all())
