"""Interval analysis: for every tensor the least and greatest value that each channel of its last axis can ever take.

Exact integers throughout. Each sum of products is bounded over all inputs within their own bounds, then pushed through
the real requantization, which is monotone. Where padding leaves taps of a window out, every distinct set of remaining
taps is bounded by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.arithmetic import (
    ADD_LEFT_SHIFT,
    INTEGER_RANGES,
    activation_range,
    add_multipliers,
    channel_multipliers,
    fully_connected_multiplier,
    mean_multiplier,
    multiply_by_quantized_multiplier,
    relu,
    relu6,
    requantize,
)
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Quantization, Tensor
from tinykit.graph.window import Axis

MOST_WORK = 1 << 27
"""Products that one layer's analysis may cost; beyond that padded windows get wider, still sound bounds."""

MOST_POSITIONS = 1 << 22
"""Taps times output positions of one axis that are looked at, for the same reason."""


@dataclass(frozen=True, eq=False)
class Interval:
    """Bounds of a tensor's values: `low` and `high`, int64, shape (channels,), channels being the last axis."""

    low: np.ndarray
    high: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Which channels can take one value only, shape (channels,)."""
        return self.low == self.high

    def map(self, monotone: Callable[[np.ndarray], np.ndarray]) -> Interval:
        """The bounds after a function that never falls."""
        return Interval(monotone(self.low), monotone(self.high))


def channels(tensor: Tensor) -> int:
    """The size of the last axis; 1 for a single number."""
    return tensor.shape[-1] if tensor.shape else 1


def analyse(graph: Graph) -> dict[int, Interval]:
    """Bounds of every integer tensor of a supported graph that an operator reads or writes."""
    found: dict[int, Interval] = {}
    for index in graph.inputs:
        found[index] = everything(graph.tensor(index))
    for operator in graph.operators:
        for index in operator.inputs:
            if index != NO_TENSOR and index not in found:
                found[index] = _of_constant(graph.tensor(index))
        for index in operator.outputs:
            found[index] = everything(graph.tensor(index))
        rule = RULES.get(operator.op)
        if rule is not None and is_int8(graph, operator):
            found[operator.outputs[0]] = rule(graph, operator, found)
    return found


def is_int8(graph: Graph, operator: Operator) -> bool:
    """Whether an operator reads and writes int8 activations, for which alone the analysis knows its arithmetic.

    QUANTIZE may read or write other integers of up to 16 bits.
    """
    types = ("int8", "uint8", "int16") if operator.op == "QUANTIZE" else ("int8",)
    ends = [operator.inputs[0], *operator.outputs, *(operator.inputs[1:] if operator.op == "ADD" else ())]
    return all(graph.tensor(i).dtype in types for i in ends)


def everything(tensor: Tensor) -> Interval:
    """The whole range of the tensor's type (of int8 for types that are no integers, whose bounds nothing uses)."""
    low, high = INTEGER_RANGES.get(tensor.dtype, INTEGER_RANGES["int8"])
    return Interval(np.full(channels(tensor), low), np.full(channels(tensor), high))


def _of_constant(tensor: Tensor) -> Interval:
    if tensor.data is None or tensor.dtype != "int8":
        return everything(tensor)
    rows = tensor.data.reshape(-1, channels(tensor)).astype(np.int64)
    return Interval(rows.min(axis=0), rows.max(axis=0))


def quantization(tensor: Tensor) -> Quantization:
    """The quantization of a tensor that must have one."""
    assert tensor.quantization is not None, tensor.name
    return tensor.quantization


def _clamped(operator: Operator, y: Tensor, values: np.ndarray) -> np.ndarray:
    q = quantization(y)
    return np.clip(values, *activation_range(operator.options.activation, q.scale, q.zero_point, y.dtype))


# --- weighted sums --------------------------------------------------------------------------------


def tap_patterns(axis: Axis, size: int, window: int, outputs: int) -> np.ndarray | None:
    """The distinct sets of taps inside the image, over all output positions of one axis.

    Returns: bool (patterns, window); None where finding them would cost too much.
    """
    if outputs * window > MOST_POSITIONS:
        return None
    positions = np.arange(outputs)[:, None] * axis.stride - axis.before + np.arange(window)[None, :] * axis.dilation
    return np.unique((positions >= 0) & (positions < size), axis=0)


def window_patterns(graph: Graph, operator: Operator) -> np.ndarray | None:
    """The distinct sets of taps inside the image of CONV_2D or DEPTHWISE_CONV_2D: bool (patterns, kh * kw), or None."""
    x, weights, y = _operands(graph, operator)
    height, width = weights.shape[1:3]
    rows = tap_patterns(operator.options.vertical, x.shape[1], height, y.shape[1])
    columns = tap_patterns(operator.options.horizontal, x.shape[2], width, y.shape[2])
    if rows is None or columns is None or len(rows) * len(columns) * weights.elements > MOST_WORK:
        return None
    return (rows[:, None, :, None] & columns[None, :, None, :]).reshape(-1, height * width)


def _operands(graph: Graph, operator: Operator) -> tuple[Tensor, Tensor, Tensor]:
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    return x, weights, graph.tensor(operator.outputs[0])


def _bias(graph: Graph, operator: Operator, count: int) -> np.ndarray:
    index = operator.inputs[2] if len(operator.inputs) > 2 else NO_TENSOR
    return bias_values(None if index == NO_TENSOR else graph.tensor(index), count)


def _requantized(graph: Graph, operator: Operator, low: np.ndarray, high: np.ndarray) -> Interval:
    x, weights, y = _operands(graph, operator)
    scales = quantization(weights).scales
    if operator.op == "FULLY_CONNECTED" and len(scales) == 1:
        pair = fully_connected_multiplier(quantization(x).scale, float(scales[0]), quantization(y).scale)
    else:
        pair = channel_multipliers(quantization(x).scale, scales, quantization(y).scale, len(low))  # type: ignore[assignment]

    def scaled(sums: np.ndarray) -> np.ndarray:
        moved = multiply_by_quantized_multiplier(sums, *pair) + quantization(y).zero_point
        return _clamped(operator, y, moved)

    return Interval(scaled(low), scaled(high))


def _offsets(x: Tensor, interval: Interval, include_zero: bool) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the input minus its zero point, widened by what padding adds if `include_zero`."""
    low, high = interval.low - quantization(x).zero_point, interval.high - quantization(x).zero_point
    return (np.minimum(low, 0), np.maximum(high, 0)) if include_zero else (low, high)


def _conv_2d(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, weights, _ = _operands(graph, operator)
    assert weights.data is not None
    patterns = window_patterns(graph, operator)
    low, high = _offsets(x, found[x.index], patterns is None)
    count, groups = weights.shape[0], operator.options.groups
    taps = weights.data.reshape(groups, count // groups, -1, weights.shape[3])
    low, high = low.reshape(groups, -1, 1), high.reshape(groups, -1, 1)
    sums_low, sums_high = [], []
    for inside in np.ones((1, taps.shape[2]), bool) if patterns is None else patterns:
        # Every tap of a channel meets the same bounds, so positive and negative weights add up over taps first.
        chosen = taps[:, :, inside]
        positive = np.maximum(chosen, 0).sum(axis=2, dtype=np.int64)
        negative = np.minimum(chosen, 0).sum(axis=2, dtype=np.int64)
        sums_low.append((positive @ low + negative @ high).reshape(count))
        sums_high.append((positive @ high + negative @ low).reshape(count))
    bias = _bias(graph, operator, count)
    return _requantized(graph, operator, np.min(sums_low, axis=0) + bias, np.max(sums_high, axis=0) + bias)


def _depthwise_conv_2d(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, weights, _ = _operands(graph, operator)
    assert weights.data is not None
    patterns = window_patterns(graph, operator)
    low, high = (np.repeat(b, operator.options.multiplier) for b in _offsets(x, found[x.index], patterns is None))
    taps = weights.data.reshape(-1, weights.shape[3])
    inside = np.ones((1, len(taps)), np.int64) if patterns is None else patterns.astype(np.int64)
    positive, negative = inside @ np.maximum(taps, 0), inside @ np.minimum(taps, 0)
    bias = _bias(graph, operator, weights.shape[3])
    sums_low = (positive * low + negative * high).min(axis=0) + bias
    sums_high = (positive * high + negative * low).max(axis=0) + bias
    return _requantized(graph, operator, sums_low, sums_high)


def _fully_connected(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, weights, _ = _operands(graph, operator)
    assert weights.data is not None
    units, depth = weights.shape
    low, high = _offsets(x, _regrouped(x, found[x.index], depth), False)
    rows = weights.data.astype(np.int64) - quantization(weights).zero_point
    positive, negative = np.maximum(rows, 0), np.minimum(rows, 0)
    bias = _bias(graph, operator, units)
    return _requantized(
        graph, operator, positive @ low + negative @ high + bias, positive @ high + negative @ low + bias
    )


def _regrouped(x: Tensor, interval: Interval, last: int) -> Interval:
    """Bounds when the same values are cut into rows of `last`."""
    count = channels(x)
    if last % count == 0:
        return Interval(np.tile(interval.low, last // count), np.tile(interval.high, last // count))
    if x.elements > MOST_POSITIONS:
        return Interval(np.full(last, interval.low.min()), np.full(last, interval.high.max()))
    rows = x.elements // count
    low = np.tile(interval.low, rows).reshape(-1, last)
    high = np.tile(interval.high, rows).reshape(-1, last)
    return Interval(low.min(axis=0), high.max(axis=0))


# --- everything else ------------------------------------------------------------------------------


def _pool(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    y = graph.tensor(operator.outputs[0])
    return found[operator.inputs[0]].map(lambda v: _clamped(operator, y, v))


def _mean(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    axes = operator.options.axes
    if len(x.shape) - 1 in axes:
        return everything(y)
    count = math.prod(x.shape[a] for a in axes)
    pair = mean_multiplier(quantization(x).scale, quantization(y).scale, count)

    def mean(values: np.ndarray) -> np.ndarray:
        sums = (values - quantization(x).zero_point) * count
        moved = multiply_by_quantized_multiplier(sums, *pair) + quantization(y).zero_point
        return np.clip(moved, *INTEGER_RANGES["int8"])

    return found[x.index].map(mean)


def _add(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    a, b = (graph.tensor(i) for i in operator.inputs)
    y = graph.tensor(operator.outputs[0])
    first, second, last = add_multipliers(quantization(a).scale, quantization(b).scale, quantization(y).scale)

    def total(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        left = (left - quantization(a).zero_point) << ADD_LEFT_SHIFT
        right = (right - quantization(b).zero_point) << ADD_LEFT_SHIFT
        raw = multiply_by_quantized_multiplier(left, *first) + multiply_by_quantized_multiplier(right, *second)
        moved = multiply_by_quantized_multiplier(raw, *last) + quantization(y).zero_point
        return np.broadcast_to(_clamped(operator, y, moved), channels(y))

    one, other = found[a.index], found[b.index]
    return Interval(total(one.low, other.low), total(one.high, other.high))


def _reshape(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    return _regrouped(x, found[x.index], channels(y))


def _pad(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    paddings, value = operator.options.paddings, operator.options.value
    inner = found[operator.inputs[0]]
    if any(amount for pair in paddings[:-1] for amount in pair):
        inner = Interval(np.minimum(inner.low, value), np.maximum(inner.high, value))
    low, high = (np.pad(bound, paddings[-1], constant_values=value) for bound in (inner.low, inner.high))
    return Interval(low, high)


def _relu(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    return found[x.index].map(lambda v: relu(v, quantization(x), quantization(y)))


def _relu6(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x = graph.tensor(operator.inputs[0])
    return found[x.index].map(lambda v: relu6(v, quantization(x)))


def _quantize(graph: Graph, operator: Operator, found: dict[int, Interval]) -> Interval:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    return found[x.index].map(lambda v: requantize(v, quantization(x), quantization(y), y.dtype))


RULES: dict[str, Callable[[Graph, Operator, dict[int, Interval]], Interval]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "ADD": _add,
    "RESHAPE": _reshape,
    "PAD": _pad,
    "PADV2": _pad,
    "RELU": _relu,
    "RELU6": _relu6,
    "QUANTIZE": _quantize,
}
"""How each operator moves bounds. Without a rule (SOFTMAX, LOGISTIC, ...) any value of the type is possible."""
