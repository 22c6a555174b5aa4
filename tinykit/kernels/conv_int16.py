"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of int16 activations with int8 weights, in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.accumulator import has_wide_sums
from tinykit.graph.model import Graph, Operator
from tinykit.graph.window import Axis
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step
from tinykit.kernels.weighted import Layer, geometry, layer
from tinykit.kernels.wide import wide_sums
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

Image = tuple[int, ...]
"""Batches, height, width, channels."""


@lowering("CONV_2D", dtype="int16")
def lower_conv_2d(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time."""
    found = layer(graph, operator)
    filters = found.rows.reshape(found.weights.shape)
    return [_step(found, target, filters, found.x.shape, found.y.shape, found.axes)]


@lowering("DEPTHWISE_CONV_2D", dtype="int16")
def lower_depthwise(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A convolution in groups of one channel."""
    found = layer(graph, operator)
    filters = found.rows.reshape(-1, *found.weights.shape[1:3], 1)
    return [_step(found, target, filters, found.x.shape, found.y.shape, found.axes)]


@lowering("FULLY_CONNECTED", dtype="int16")
def lower_fully_connected(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A pointwise convolution over its rows."""
    found = layer(graph, operator)
    units, depth = found.rows.shape
    rows = found.x.elements // depth
    filters = found.rows.reshape(units, 1, 1, depth)
    return [_step(found, target, filters, (1, 1, rows, depth), (1, 1, rows, units), (Axis(), Axis()))]


def _step(found: Layer, target: Target, weights: np.ndarray, x: Image, y: Image, axes: tuple[Axis, Axis]) -> Step:
    """`weights`: (output channels, height, width, input channels of a group)."""
    options = found.operator.options
    is_short = has_wide_sums(found.x, found.bias, is_32_bit=getattr(options, "is_32_bit", False))
    sums = wide_sums(found.rows, found.bias, found.multipliers, found.shifts, is_short=is_short)
    shape = {
        "batches": x[0],
        **geometry(x, weights.shape, y, *axes),
        "kernel_channels": weights.shape[3],
        **sums.shape,
    }
    return make_step(
        found.operator,
        target,
        "tk_conv_int16",
        dict(shape),
        [INPUT, OUTPUT, Constant("weights", weights), *sums.constants, *found.limits],
        macs=found.y.elements * weights[0].size,
        outputs=found.y.elements,
    )
