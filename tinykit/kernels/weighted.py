"""Weighted sums as their lowerings see them: operands, weights by output channel, TFLM's multipliers, geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers, fully_connected_multiplier
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.graph.window import Axis
from tinykit.kernels.steps import Sums, fold_sums, optional_input, quantization, scale, zero_point


@dataclass(frozen=True, eq=False)
class Layer:
    """A CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED; the last has no axes and no geometry.

    Attributes:
        x, weights, y: tensors; bias: one or None.
        rows: weights (output channels, taps), taps in the order of the window's rows.
        multipliers, shifts: TFLM's, shift positive to the left, (output channels,).
    """

    operator: Operator
    x: Tensor
    weights: Tensor
    y: Tensor
    bias: Tensor | None
    rows: np.ndarray
    multipliers: np.ndarray
    shifts: np.ndarray

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Vertical, horizontal."""
        return self.operator.options.vertical, self.operator.options.horizontal

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest output that the activation lets through."""
        return activation_range(self.operator.options.activation, scale(self.y), zero_point(self.y), self.y.dtype)

    @property
    def geometry(self) -> dict[str, int]:
        """Sizes of image, window and output, as kernels call them."""
        return geometry(self.x.shape, self.weights.shape, self.y.shape, *self.axes)

    def sums(self, rows: np.ndarray | None = None) -> Sums:
        """Constants of the sums: see `fold_sums`. Args: `rows` in another order.

        Raises: UnsupportedModel.
        """
        return fold_sums(
            self.operator,
            (self.rows if rows is None else rows).astype(np.int64),
            self.bias,
            input_zero_point=zero_point(self.x),
            multipliers=self.multipliers,
            shifts=self.shifts,
        )


def layer(graph: Graph, operator: Operator) -> Layer:
    """The layer that `operator` is."""
    x, weights, y = (graph.tensor(i) for i in (*operator.inputs[:2], operator.outputs[0]))
    assert weights.data is not None
    if operator.op == "DEPTHWISE_CONV_2D":
        rows = np.ascontiguousarray(weights.data.reshape(-1, weights.shape[3]).T)
    else:
        rows = weights.data.reshape(weights.shape[0], -1)
    scales = quantization(weights).scales
    if operator.op == "FULLY_CONNECTED" and len(scales) == 1:
        one = fully_connected_multiplier(scale(x), float(scales[0]), scale(y))
        multipliers, shifts = (np.full(len(rows), value, np.int64) for value in one)
    else:
        multipliers, shifts = channel_multipliers(scale(x), scales, scale(y), len(rows))
    return Layer(operator, x, weights, y, optional_input(graph, operator, 2), rows, multipliers, shifts)


def geometry(
    x: tuple[int, ...], weights: tuple[int, ...], y: tuple[int, ...], vertical: Axis, horizontal: Axis
) -> dict[str, int]:
    """The same for shapes (batches, height, width, channels)."""
    return {
        "input_height": x[1],
        "input_width": x[2],
        "input_channels": x[3],
        "output_height": y[1],
        "output_width": y[2],
        "output_channels": y[3],
        "kernel_height": weights[1],
        "kernel_width": weights[2],
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "dilation_width": horizontal.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
    }


IMAGE = ("input_height", "input_width", "input_channels", "output_height", "output_width", "output_channels")
STEPS = ("stride_height", "stride_width", "pad_top", "pad_left")
WINDOW = ("kernel_height", "kernel_width", "dilation_height", "dilation_width", "block", "down")


def parted(shape: Mapping[str, int]) -> tuple[dict[str, int], list[int]]:
    """A shape as that of a kernel for images of any size, and the numbers that this takes as arguments."""
    window = {name: shape[name] for name in WINDOW if name in shape}
    return window, [shape[name] for name in (*IMAGE, *STEPS) if name in shape]
