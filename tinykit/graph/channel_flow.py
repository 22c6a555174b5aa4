"""Which channels of which tensors can be left out without changing any model output.

Rules, by who reads or writes the channel:

- model inputs and outputs, and whatever reads or writes in a way not named here, keep all channels;
- CONV_2D (one group) and FULLY_CONNECTED can drop any output; they can do without an input channel that is constant
  and adds the same to every sum, or whose weights are zero in all outputs that stay;
- DEPTHWISE_CONV_2D drops an input channel together with all outputs of that channel, or not at all;
- channel-wise operators drop a channel of the input, and of the output, together, or not at all.
"""

from __future__ import annotations

import numpy as np

from tinykit.graph.intervals import Interval, channels, is_int8, quantization, window_patterns
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Tensor

CHANNEL_WISE = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "RELU", "RELU6", "LOGISTIC", "QUANTIZE", "DEQUANTIZE")

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def removable_channels(graph: Graph, intervals: dict[int, Interval]) -> dict[int, np.ndarray]:
    """The greatest set of channels that can go.

    Args:
        graph: supported, operators in order.
        intervals: bounds from `graph.intervals.analyse`.

    Returns: for every tensor that an operator computes, bool of shape (channels,); at least one channel of each stays.
    """
    return _Flow(graph, intervals).settled()


class _Flow:
    """Marks of the channels that can still go, struck out until the rules hold everywhere."""

    def __init__(self, graph: Graph, intervals: dict[int, Interval]) -> None:
        self.graph = graph
        self.absorbable = {
            o.outputs[0]: _absorbable(graph, o, intervals)
            for o in graph.operators
            if o.op in ("CONV_2D", "FULLY_CONNECTED") and is_int8(graph, o)
        }
        self.marks = {
            o.outputs[0]: np.full(channels(graph.tensor(o.outputs[0])), o.outputs[0] not in graph.outputs)
            for o in graph.operators
        }

    def settled(self) -> dict[int, np.ndarray]:
        while True:
            while self._strike():
                pass
            full = [marks for marks in self.marks.values() if marks.all()]
            if not full:
                return self.marks
            for marks in full:
                marks[0] = False

    def _strike(self) -> bool:
        """One sweep against the flow; whether anything changed."""
        before = sum(int(marks.sum()) for marks in self.marks.values())
        for operator in reversed(self.graph.operators):
            self._apply(operator)
        return sum(int(marks.sum()) for marks in self.marks.values()) < before

    def _apply(self, operator: Operator) -> None:
        inputs = [self.graph.tensor(i) for i in operator.inputs if i != NO_TENSOR]
        y = self.graph.tensor(operator.outputs[0])
        x = inputs[0]
        if operator.op in WEIGHTED and not is_int8(self.graph, operator):
            for tensor in (x, y):
                self._keep_all(tensor)
        elif operator.op in ("CONV_2D", "FULLY_CONNECTED"):
            self._weighted_sum(operator, x, y)
        elif operator.op == "DEPTHWISE_CONV_2D":
            self._together(x, y, operator.options.multiplier, 1)
        elif operator.op in CHANNEL_WISE or self._is_channel_wise(operator, x, y):
            self._together(x, y, 1, 1)
        elif operator.op == "RESHAPE" and channels(y) % channels(x) == 0:
            self._together(x, y, 1, channels(y) // channels(x))
        elif operator.op == "ADD":
            self._add(inputs, y)
        else:
            for tensor in (*inputs, y):
                self._keep_all(tensor)

    def _is_channel_wise(self, operator: Operator, x: Tensor, y: Tensor) -> bool:
        if operator.op == "MEAN":
            return len(x.shape) - 1 not in operator.options.axes and bool(y.shape)
        return operator.op in ("PAD", "PADV2") and operator.options.paddings[-1] == (0, 0)

    def _weighted_sum(self, operator: Operator, x: Tensor, y: Tensor) -> None:
        absorbable = self.absorbable[y.index]
        if absorbable is None:
            self._keep_all(x)
            self._keep_all(y)
        elif x.index in self.marks:
            weights = self.graph.tensor(operator.inputs[1])
            assert weights.data is not None
            staying = weights.data.reshape(weights.shape[0], -1, channels(x))[~self.marks[y.index]]
            unread = (staying == quantization(weights).zero_points[0]).all(axis=(0, 1))
            self.marks[x.index] &= absorbable | unread

    def _together(self, x: Tensor, y: Tensor, multiplier: int, repeats: int) -> None:
        """Couple channel c of `x` with channels r * C + c * multiplier + m of `y`, for all r and m."""
        if x.index not in self.marks:
            self._keep_all(y)
            return
        blocks = self.marks[y.index].reshape(repeats, channels(x), multiplier)
        both = blocks.all(axis=(0, 2)) & self.marks[x.index]
        self.marks[x.index][:] = both
        blocks[:] = both[None, :, None]

    def _add(self, inputs: list[Tensor], y: Tensor) -> None:
        computed = [t for t in inputs if t.index in self.marks]
        if any(t.index not in self.marks and not t.is_constant for t in inputs) or any(
            channels(t) != channels(y) for t in computed
        ):
            for tensor in (*computed, y):
                self._keep_all(tensor)
            return
        both = self.marks[y.index].copy()
        for tensor in computed:
            both &= self.marks[tensor.index]
        for tensor in (*computed, y):
            self.marks[tensor.index][:] = both

    def _keep_all(self, tensor: Tensor) -> None:
        if tensor.index in self.marks:
            self.marks[tensor.index][:] = False


def _absorbable(graph: Graph, operator: Operator, intervals: dict[int, Interval]) -> np.ndarray | None:
    """Which input channels are constant and add the same to every sum; None for an operator to leave as it is."""
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    constant = intervals[x.index].constant
    if operator.op == "FULLY_CONNECTED":
        return constant if weights.shape[1] % channels(x) == 0 else None
    if operator.options.groups != 1:
        return None
    patterns = window_patterns(graph, operator)
    if patterns is not None and len(patterns) == 1:
        return constant
    return constant & (intervals[x.index].low == quantization(x).zero_point)
