"""Output channels that need not be computed: constant for every input, or read by nobody.

Interval analysis says which channels are constant. A channel may go if every reader can do without it: a convolution or
dense layer adds a constant channel's share to its biases; a channel-wise operator (depthwise convolution, pooling, ...)
loses its own output channel with it. Which channels go everywhere is the greatest set that keeps those rules, found by
starting from all and striking out until nothing changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.channel_flow import removable_channels
from tinykit.graph.edit import with_operators
from tinykit.graph.intervals import Interval, analyse, channels, quantization, window_patterns
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Quantization, Tensor


def drop_dead_channels(graph: Graph) -> Graph:
    """Remove dead channels, folding what constant ones contribute into the biases of their readers."""
    intervals = analyse(graph)
    removable = removable_channels(graph, intervals)
    if not any(channels_gone.any() for channels_gone in removable.values()):
        return graph
    return _Slicer(graph, intervals, removable).sliced()


class _Slicer:
    """Rebuilds a graph without the channels marked in `gone` (bool, by tensor index)."""

    def __init__(self, graph: Graph, intervals: dict[int, Interval], gone: dict[int, np.ndarray]) -> None:
        self.graph = graph
        self.intervals = intervals
        self.keep = {i: np.flatnonzero(~marked) for i, marked in gone.items()}
        self.tensors = dict(graph.tensors)
        self.next_index = max(graph.tensors) + 1

    def sliced(self) -> Graph:
        for index in self.keep:
            self.tensors[index] = self._sliced_activation(self.graph.tensor(index))
        operators = [self._operator(o) for o in self.graph.operators]
        return with_operators(self.graph.with_changes(tensors=self.tensors), operators)

    def _kept(self, tensor: Tensor) -> np.ndarray:
        return self.keep.get(tensor.index, np.arange(channels(tensor)))

    def _sliced_activation(self, tensor: Tensor) -> Tensor:
        keep = self.keep[tensor.index]
        if len(keep) == channels(tensor):
            return tensor
        kept = keep if tensor.kept is None else np.array(tensor.kept)[keep]
        return replace(tensor, shape=(*tensor.shape[:-1], len(keep)), kept=tuple(kept.tolist()))

    def _operator(self, operator: Operator) -> Operator:
        if operator.op in ("CONV_2D", "FULLY_CONNECTED"):
            return self._weighted_sum(operator)
        if operator.op == "DEPTHWISE_CONV_2D":
            return self._depthwise(operator)
        if operator.op == "ADD":
            return self._add(operator)
        if operator.op == "RESHAPE":  # Its target shape is the output tensor's own.
            return replace(operator, inputs=operator.inputs[:1])
        return operator

    def _weighted_sum(self, operator: Operator) -> Operator:
        x, weights, y = (self.graph.tensor(i) for i in (*operator.inputs[:2], operator.outputs[0]))
        rows, columns = self._kept(y), self._kept(x)
        if len(rows) == channels(y) and len(columns) == channels(x):
            return operator
        assert weights.data is not None
        # Input channels repeat along the last axis of the weights where a dense layer reads several at a time.
        values = weights.data.reshape(weights.shape[0], -1, channels(x))
        bias = self._bias(operator, weights.shape[0]) + self._constant_share(operator, x, weights, values)
        data = values[rows][:, :, columns].reshape(len(rows), *weights.shape[1:-1], -1)
        return self._with_weights(operator, self._constant_like(weights, data, rows), bias[rows], rows)

    def _constant_share(self, operator: Operator, x: Tensor, weights: Tensor, values: np.ndarray) -> np.ndarray:
        """What the dropped input channels add to every sum, int64 of shape (outputs,).

        A channel that was dropped is the zero point, or is constant and every window sees the same taps of it, or has
        only zero weights in the outputs that stay (the rest of the result does not matter).
        """
        gone = np.setdiff1d(np.arange(channels(x)), self._kept(x))
        constant = self.intervals[x.index].low[gone] - quantization(x).zero_point
        constant[~self.intervals[x.index].constant[gone]] = 0
        taps = values[:, :, gone].astype(np.int64) - quantization(weights).zero_points[0]
        if operator.op == "CONV_2D":
            patterns = window_patterns(self.graph, operator)
            if patterns is not None and len(patterns) == 1:
                taps = taps[:, patterns[0]]
        return taps.sum(axis=1) @ constant

    def _depthwise(self, operator: Operator) -> Operator:
        weights, y = self.graph.tensor(operator.inputs[1]), self.graph.tensor(operator.outputs[0])
        keep = self._kept(y)
        if len(keep) == channels(y):
            return operator
        assert weights.data is not None
        data = weights.data[..., keep]
        bias = self._bias(operator, weights.shape[3])[keep]
        return self._with_weights(operator, self._constant_like(weights, data, keep), bias, keep)

    def _add(self, operator: Operator) -> Operator:
        y = self.graph.tensor(operator.outputs[0])
        keep = self._kept(y)

        def operand(tensor: Tensor) -> int:
            if tensor.data is None or not len(keep) < channels(y) == channels(tensor):
                return tensor.index
            return self._constant_like(tensor, tensor.data[..., keep], keep)

        return replace(operator, inputs=tuple(operand(self.graph.tensor(i)) for i in operator.inputs))

    # --- constants --------------------------------------------------------------------------------

    def _bias(self, operator: Operator, count: int) -> np.ndarray:
        index = operator.inputs[2] if len(operator.inputs) > 2 else NO_TENSOR
        return bias_values(None if index == NO_TENSOR else self.graph.tensor(index), count)

    def _with_weights(self, operator: Operator, weights: int, bias: np.ndarray, rows: np.ndarray) -> Operator:
        """The operator with new weights and int64 biases, of its kept outputs `rows`."""
        index = operator.inputs[2] if len(operator.inputs) > 2 else NO_TENSOR
        if index != NO_TENSOR:
            index = self._constant_like(self.graph.tensor(index), bias.astype(np.int32), rows)
        elif bias.any():
            index = self._new_bias(operator, weights, bias.astype(np.int32))
        return replace(operator, inputs=(operator.inputs[0], weights, index))

    def _new_bias(self, operator: Operator, weights: int, data: np.ndarray) -> int:
        scales = quantization(self.tensors[weights]).scales * np.float32(
            quantization(self.graph.tensor(operator.inputs[0])).scale
        )
        q = Quantization(scales, np.zeros(len(scales), np.int64))
        return self._constant(f"{operator.name}/bias", data, q)

    def _constant_like(self, old: Tensor, data: np.ndarray, keep: np.ndarray) -> int:
        """A new constant with the old one's quantization, of whose slices `keep` remain."""
        q = old.quantization
        if q is not None and len(q.scales) > 1:
            q = Quantization(q.scales[keep], q.zero_points[keep], q.axis)
        return self._constant(old.name, np.ascontiguousarray(data), q)

    def _constant(self, name: str, data: np.ndarray, q: Quantization | None) -> int:
        index = self.next_index
        self.next_index += 1
        self.tensors[index] = Tensor(index, name, data.shape, data.dtype.name, q, data)
        return index
