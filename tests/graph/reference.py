"""A slow numpy interpreter of graphs, so that rewrites can be compared with TFLM without the compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tinykit.graph.arithmetic import (
    ADD_LEFT_SHIFT,
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
from tinykit.graph.ops import REGISTRY
from tinykit.graph.window import Axis


def evaluate(graph: Graph, inputs: list[np.ndarray]) -> dict[int, np.ndarray]:
    """The values of every tensor for one input vector, up to the first operator that is not integer arithmetic."""
    values = {i: t.data for i, t in graph.tensors.items() if t.data is not None}
    values.update(zip(graph.inputs, (np.asarray(x) for x in inputs), strict=True))
    for operator in graph.operators:
        rule, moves = RULES.get(operator.op), REGISTRY[operator.op].moves
        given = [np.empty(0, np.int8) if i == NO_TENSOR else values[i] for i in operator.inputs]
        if rule is None and moves is not None:
            outputs = [graph.tensor(i) for i in operator.outputs]
            results = [np.empty(t.shape, t.dtype) for t in outputs]
            for target, source in moves(operator.options, given, results):
                np.copyto(target, source)
            values.update(zip(operator.outputs, results, strict=True))
            continue
        if rule is None:
            break
        y = graph.tensor(operator.outputs[0])
        result = rule(graph, operator, [None if i == NO_TENSOR else values[i] for i in operator.inputs])
        assert result.size == y.elements, operator.name
        values[y.index] = result.reshape(y.shape).astype(y.dtype)
    return values


def _q(tensor: Tensor) -> Quantization:
    assert tensor.quantization is not None
    return tensor.quantization


def _ends(graph: Graph, operator: Operator) -> tuple[Tensor, Tensor]:
    return graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])


def _finish(graph: Graph, operator: Operator, sums: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    x, y = _ends(graph, operator)
    scales = _q(graph.tensor(operator.inputs[1])).scales
    if operator.op == "FULLY_CONNECTED" and len(scales) == 1:
        pair = fully_connected_multiplier(_q(x).scale, float(scales[0]), _q(y).scale)
    else:
        pair = channel_multipliers(_q(x).scale, scales, _q(y).scale, sums.shape[-1])
    sums = sums if bias is None else sums + bias
    return _clamp(operator, y, multiply_by_quantized_multiplier(sums, *pair) + _q(y).zero_point)


def _clamp(operator: Operator, y: Tensor, values: np.ndarray) -> np.ndarray:
    return np.clip(values, *activation_range(operator.options.activation, _q(y).scale, _q(y).zero_point, y.dtype))


def _taps(position: int, axis: Axis, window: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Taps inside the image and the input positions that they read."""
    taps = np.arange(window)
    places = position * axis.stride - axis.before + taps * axis.dilation
    inside = (places >= 0) & (places < size)
    return taps[inside], places[inside]


def _windows(operator: Operator, x: np.ndarray, window: tuple[int, int], outputs: tuple[int, int]) -> Iterator:
    """(output row, column, taps as an index pair, the input values (n, taps, taps, c))."""
    options = operator.options
    for row in range(outputs[0]):
        taps_y, places_y = _taps(row, options.vertical, window[0], x.shape[1])
        for column in range(outputs[1]):
            taps_x, places_x = _taps(column, options.horizontal, window[1], x.shape[2])
            yield row, column, np.ix_(taps_y, taps_x), x[:, places_y][:, :, places_x]


def _conv_2d(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    x, y = _ends(graph, operator)
    image, weights = values[0].astype(np.int64) - _q(x).zero_point, values[1].astype(np.int64)
    groups = operator.options.groups
    out, depth = weights.shape[0] // groups, weights.shape[3]
    sums = np.zeros(y.shape, np.int64)
    for row, column, taps, seen in _windows(operator, image, weights.shape[1:3], y.shape[1:3]):
        for g in range(groups):
            part = weights[g * out : (g + 1) * out][:, taps[0], taps[1]]
            sums[:, row, column, g * out : (g + 1) * out] = np.einsum(
                "nyxc,oyxc->no", seen[..., g * depth : (g + 1) * depth], part
            )
    return _finish(graph, operator, sums, values[2] if len(values) > 2 else None)


def _depthwise_conv_2d(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    x, y = _ends(graph, operator)
    image, weights = values[0].astype(np.int64) - _q(x).zero_point, values[1][0].astype(np.int64)
    image = np.repeat(image, operator.options.multiplier, axis=3)
    sums = np.zeros(y.shape, np.int64)
    for row, column, taps, seen in _windows(operator, image, weights.shape[:2], y.shape[1:3]):
        sums[:, row, column] = np.einsum("nyxc,yxc->nc", seen, weights[taps[0], taps[1]])
    return _finish(graph, operator, sums, values[2] if len(values) > 2 else None)


def _fully_connected(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    x = graph.tensor(operator.inputs[0])
    weights = values[1].astype(np.int64) - _q(graph.tensor(operator.inputs[1])).zero_points[0]
    rows = values[0].astype(np.int64).reshape(-1, weights.shape[1]) - _q(x).zero_point
    return _finish(graph, operator, rows @ weights.T, values[2] if len(values) > 2 else None)


def _pool(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    y = graph.tensor(operator.outputs[0])
    result = np.zeros(y.shape, np.int64)
    window = (operator.options.height, operator.options.width)
    for row, column, _taps_inside, seen in _windows(operator, values[0].astype(np.int64), window, y.shape[1:3]):
        if operator.op == "MAX_POOL_2D":
            result[:, row, column] = seen.max(axis=(1, 2))
        else:
            count = seen.shape[1] * seen.shape[2]
            total = seen.sum(axis=(1, 2))
            result[:, row, column] = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return _clamp(operator, y, result)


def _mean(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    x, y = _ends(graph, operator)
    axes = operator.options.axes
    count = int(np.prod([x.shape[a] for a in axes]))
    sums = (values[0].astype(np.int64) - _q(x).zero_point).sum(axis=axes)
    pair = mean_multiplier(_q(x).scale, _q(y).scale, count)
    return np.clip(multiply_by_quantized_multiplier(sums, *pair) + _q(y).zero_point, -128, 127)


def _add(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    a, b = (graph.tensor(i) for i in operator.inputs)
    y = graph.tensor(operator.outputs[0])
    first, second, last = add_multipliers(_q(a).scale, _q(b).scale, _q(y).scale)
    left = multiply_by_quantized_multiplier((values[0].astype(np.int64) - _q(a).zero_point) << ADD_LEFT_SHIFT, *first)
    right = multiply_by_quantized_multiplier((values[1].astype(np.int64) - _q(b).zero_point) << ADD_LEFT_SHIFT, *second)
    return _clamp(operator, y, multiply_by_quantized_multiplier(left + right, *last) + _q(y).zero_point)


def _reshape(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    return values[0]


def _pad(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    return np.pad(values[0], operator.options.paddings, constant_values=operator.options.value)


def _relu(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    x, y = _ends(graph, operator)
    return relu(values[0], _q(x), _q(y))


def _relu6(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    return relu6(values[0], _q(graph.tensor(operator.inputs[0])))


def _quantize(graph: Graph, operator: Operator, values: list) -> np.ndarray:
    x, y = _ends(graph, operator)
    return requantize(values[0], _q(x), _q(y), y.dtype)


RULES: dict[str, Callable[[Graph, Operator, list], np.ndarray]] = {
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
