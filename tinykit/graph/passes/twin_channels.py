"""Channels that are equal for every input: their readers' weights are added up onto the first of them.

What makes two channels equal: the same weights, bias and scale in a convolution or dense layer; after that, operators
that treat all channels alike. A reader computes  w1 * x + w2 * x = (w1 + w2) * x  exactly, so that the others' weights
become zero, and drop_dead_channels removes what nobody reads any more. Where a sum leaves int8 the channel stays: two
weights of one byte each would need two bytes in that output, and a layer has one type of weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.channel_flow import CHANNEL_WISE
from tinykit.graph.edit import with_operators
from tinykit.graph.intervals import channels, is_int8, quantization
from tinykit.graph.model import NO_TENSOR, Graph, Operator

LEAST, MOST = -127, 127
"""Of a sum: converters leave -128 out, and some kernels cannot take it."""

Firsts = dict[int, np.ndarray]
"""Tensor -> for each channel the first one that is equal to it, int64 (channels,)."""


def fold_twin_channels(graph: Graph) -> Graph:
    """Move what is read of equal channels to the first of each."""
    firsts: Firsts = {}
    tensors = dict(graph.tensors)
    operators: list[Operator] = []
    for operator in graph.operators:
        y = graph.tensor(operator.outputs[0])
        rule = RULES.get(operator.op)
        found = rule(graph, operator, firsts) if rule is not None and is_int8(graph, operator) else None
        firsts[y.index] = np.arange(channels(y)) if found is None else found
        data = _folded_weights(graph, operator, firsts)
        if data is None:
            operators.append(operator)
            continue
        weights = replace(graph.tensor(operator.inputs[1]), index=max(tensors) + 1, data=data)
        tensors[weights.index] = weights
        inputs = operator.inputs[0], weights.index, *operator.inputs[2:]
        operators.append(replace(operator, inputs=inputs))
    unchanged = all(new is old for new, old in zip(operators, graph.operators, strict=True))
    return graph if unchanged else with_operators(graph.with_changes(tensors=tensors), operators)


def _folded_weights(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    """The weights with those of equal input channels added up, None where nothing changes."""
    if operator.op not in ("CONV_2D", "FULLY_CONNECTED") or not is_int8(graph, operator) or not _is_dense(operator):
        return None
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    first = firsts.get(x.index)
    if first is None or weights.data is None or weights.is_int4 or weights.data.shape[-1] % channels(x):
        return None
    twins = np.flatnonzero(first != np.arange(len(first)))
    if not len(twins):
        return None
    zero = int(quantization(weights).zero_points[0])
    taps = weights.data.reshape(weights.shape[0], -1, channels(x)).astype(np.int64) - zero
    before = taps.copy()
    for channel in twins:
        total = taps[:, :, first[channel]] + taps[:, :, channel]
        if taps[:, :, channel].any() and (total + zero).min() >= LEAST and (total + zero).max() <= MOST:
            taps[:, :, first[channel]] = total
            taps[:, :, channel] = 0
    return None if np.array_equal(taps, before) else (taps + zero).astype(np.int8).reshape(weights.shape)


def _is_dense(operator: Operator) -> bool:
    return operator.op != "CONV_2D" or operator.options.groups == 1


# --- which channels are equal -----------------------------------------------------------------------------------------


def _weighted_sum(graph: Graph, operator: Operator, _: Firsts) -> np.ndarray | None:
    weights = graph.tensor(operator.inputs[1])
    if weights.data is None or not _is_dense(operator):
        return None
    return _by_rows(graph, operator, weights.data.reshape(weights.shape[0], -1))


def _depthwise(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    weights, first = graph.tensor(operator.inputs[1]), firsts.get(operator.inputs[0])
    if weights.data is None or first is None or operator.options.multiplier != 1:
        return None
    return _by_rows(graph, operator, np.column_stack([first, weights.data.reshape(-1, weights.shape[3]).T]))


def _by_rows(graph: Graph, operator: Operator, rows: np.ndarray) -> np.ndarray:
    """Outputs are equal that have equal rows, biases and scales."""
    index = operator.inputs[2] if len(operator.inputs) > 2 else NO_TENSOR
    bias = bias_values(None if index == NO_TENSOR else graph.tensor(index), len(rows))
    scales = np.broadcast_to(quantization(graph.tensor(operator.inputs[1])).scales, len(rows))
    return _firsts(rows, bias, scales)


def _alike(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    return firsts.get(operator.inputs[0])


def _mean(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    is_spatial = len(x.shape) - 1 not in operator.options.axes and bool(y.shape)
    return firsts.get(x.index) if is_spatial else None


def _pad(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    return firsts.get(operator.inputs[0]) if operator.options.paddings[-1] == (0, 0) else None


def _reshape(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.index not in firsts or channels(y) % channels(x):
        return None
    blocks = np.arange(channels(y) // channels(x)) * channels(x)
    return (blocks[:, None] + firsts[x.index]).reshape(-1)


def _add(graph: Graph, operator: Operator, firsts: Firsts) -> np.ndarray | None:
    y = graph.tensor(operator.outputs[0])
    operands = [graph.tensor(i) for i in operator.inputs]
    if any(t.index not in firsts or t.shape != y.shape for t in operands):
        return None
    return _firsts(*(firsts[t.index] for t in operands))


def _firsts(*values: np.ndarray) -> np.ndarray:
    """For each channel, of which every array has a row, the first one with equal rows."""
    known: dict[bytes, int] = {}
    arrays = [np.ascontiguousarray(array) for array in values]
    rows = (b"".join(row.tobytes() for row in of_channel) for of_channel in zip(*arrays, strict=True))
    return np.array([known.setdefault(row, channel) for channel, row in enumerate(rows)])


RULES: dict[str, Callable[[Graph, Operator, Firsts], np.ndarray | None]] = {
    "CONV_2D": _weighted_sum,
    "FULLY_CONNECTED": _weighted_sum,
    "DEPTHWISE_CONV_2D": _depthwise,
    "MEAN": _mean,
    "PAD": _pad,
    "PADV2": _pad,
    "RESHAPE": _reshape,
    "ADD": _add,
    **dict.fromkeys(CHANNEL_WISE, _alike),
}
"""None from a rule, or no rule: nothing is known."""
