"""Pruned dense layers and convolutions of one pixel's windows in portable C: zeros are left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers, fully_connected_multiplier
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels.conv_2d_dsp import is_pointwise, pixel_steps
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, fold_sums, make_step, optional_input, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LEAST = 0.5
"""The part of weights that must be zero: an entry takes two bytes."""

_FARTHEST, _MOST = 255, 0xFFFF
"""The largest step between entries, and the most entries of an output."""


@lowering("FULLY_CONNECTED", "CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Offers only where the stream is smaller than the weights; the plan then compares predicted instructions."""
    x, weights, y = (graph.tensor(i) for i in (*operator.inputs[:2], operator.outputs[0]))
    is_dense = operator.op == "FULLY_CONNECTED"
    if x.dtype != "int8" or weights.dtype != "int8" or weights.data is None or weights.quantization is None:
        return []
    if zero_point(weights) != 0 or (weights.data == 0).mean() < LEAST:
        return []
    if not is_dense and (operator.options.groups > 1 or x.shape[0] > 1 or not is_pointwise(operator, x, weights, y)):
        return []
    rows = weights.data.reshape(weights.shape[0], -1)
    stream = packed(rows)
    if stream is None or stream.size >= rows.size:
        return []
    step = _step(graph, operator, target, rows, stream, _pixels(operator, x, weights, y))
    if not is_dense:
        overlaps = window_overlap(x.shape, y.shape, operator.options.vertical, operator.options.horizontal)
        step = replace(step, overlaps=overlaps)
    return [step]


def packed(rows: np.ndarray) -> np.ndarray | None:
    """The stream of `tk_sparse_rows`: int8 (outputs, inputs) -> int8; None where a row has too many entries."""
    parts: list[int] = []
    for row in rows:
        entries: list[int] = []
        at = 0
        for place in map(int, np.nonzero(row)[0]):
            while place - at > _FARTHEST:
                entries += [_FARTHEST, 0]
                at += _FARTHEST
            entries += [place - at, int(row[place])]
            at = place
        if len(entries) // 2 > _MOST:
            return None
        parts += [len(entries) // 2 & 0xFF, len(entries) // 2 >> 8, *entries]
    return (np.array(parts, np.int64) & 0xFF).astype(np.uint8).view(np.int8)


def _pixels(operator: Operator, x: Tensor, weights: Tensor, y: Tensor) -> list[int]:
    """Pixels, pixels a row, bytes to the next, more to the next row."""
    if operator.op == "FULLY_CONNECTED":
        depth = weights.shape[1]
        return [x.elements // depth, x.elements // depth, depth, 0]
    return pixel_steps(operator, x, y)[2:]


def _step(
    graph: Graph, operator: Operator, target: Target, rows: np.ndarray, stream: np.ndarray, pixels: list[int]
) -> Step:
    x, weights, y = (graph.tensor(i) for i in (*operator.inputs[:2], operator.outputs[0]))
    assert weights.quantization is not None
    scales, units = weights.quantization.scales, len(rows)
    per_channel = len(scales) > 1 or operator.op == "CONV_2D"
    if per_channel:
        multipliers, shifts = channel_multipliers(scale(x), scales, scale(y), units)
    else:
        one = fully_connected_multiplier(scale(x), weights.quantization.scale, scale(y))
        multipliers, shifts = (np.full(units, value, np.int64) for value in one)
    sums = fold_sums(
        operator,
        rows.astype(np.int64),
        optional_input(graph, operator, 2),
        input_zero_point=zero_point(x),
        multipliers=multipliers,
        shifts=shifts,
    )
    kept = units if per_channel else 1
    step = make_step(
        operator,
        target,
        "tk_sparse_rows",
        {"outputs": units, "per_channel": int(per_channel), "down": sums.down},
        [
            INPUT,
            OUTPUT,
            Constant("weights", stream),
            Constant("bias", sums.bias, 4),
            Constant("multipliers", sums.multipliers[:kept], 4),
            Constant("shifts", sums.shifts[:kept]),
            zero_point(y),
            *activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype),
            *pixels,
        ],
        macs=pixels[0] * rows.size,
        reads=pixels[0] * (stream.size // 2 - units),
        outputs=y.elements,
    )
    return replace(step, skips_zeros=True)
