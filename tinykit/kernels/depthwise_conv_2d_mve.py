"""DEPTHWISE_CONV_2D of 3 x 3 windows with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import activation_range
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels.dsp import clamped
from tinykit.kernels.mve import LANES, SCRATCH, STREAM, is_two_sided
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, Sums, make_step, scale, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

MOST_CHANNELS = 500
"""The strip's steps are immediate operands of at most 4,095 bytes."""

MOST_ROW = 15_000
"""Values of a row: four times its length is an immediate operand of 16 bits."""

TAPS, OUTSIDE = 16, 32
"""Scratch bytes of a channel's weights, and of what stands for rows outside the image with a margin."""

CHANNEL, ROW, SPREAD, INTERLEAVED = 19, 140, 6, 13 / 16
"""Instructions of a channel in a row or two, of these rows, to spread a channel's weights, and of a value's strip."""


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for other windows, multipliers, several images, or scales that are not well below 1."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not target.has("mve") or x.dtype != "int8" or not _fits(operator, x, weights, y):
        return []
    found = layer(graph, operator)
    taps = np.ascontiguousarray(found.rows.reshape(-1, 3, 3).transpose(0, 2, 1).reshape(-1, 9))
    sums = found.sums(taps)
    return [_step(operator, target, x, y, taps, sums)] if sums.down else []


def _fits(operator: Operator, x: Tensor, weights: Tensor, y: Tensor) -> bool:
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    row = x.shape[2] * x.shape[3]
    return (
        weights.shape[1:3] == (3, 3)
        and operator.options.multiplier == 1
        and x.shape[0] == 1
        and (vertical.dilation, horizontal.dilation) == (1, 1)
        and horizontal.stride <= 2
        and (vertical.stride == horizontal.stride or y.shape[1] == 1)
        and y.shape[2] >= 2
        and x.shape[3] <= MOST_CHANNELS
        and LANES <= row <= MOST_ROW
    )


def _step(operator: Operator, target: Target, x: Tensor, y: Tensor, taps: np.ndarray, sums: Sums) -> Step:
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    height, width, channels = y.shape[1:]
    rows = 2 if height > 1 and (vertical.stride, horizontal.stride) == (1, 1) else 1
    vectors = -(-width // 2) if rows == 2 else -(-width // 4)
    last = (width - 2 if rows == 2 else (4 * vectors - 1) * horizontal.stride) + 4
    columns = max(last, horizontal.before + x.shape[2])
    low = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)[0]
    two_sided = is_two_sided(low, zero_point(y))
    step = make_step(
        operator,
        target,
        "tk_depthwise_conv_2d_mve",
        {
            "stride": horizontal.stride,
            "rows": rows,
            "partial": height % rows,
            "rest": int(width * rows % 4 > 0),
            "two_sided": int(two_sided),
        },
        [
            *(INPUT, OUTPUT, SCRATCH, Constant("weights", _stream(taps, sums), STREAM), zero_point(x), zero_point(y)),
            *(x.shape[1], x.shape[2], height, width, channels, vertical.before, horizontal.before, columns),
        ],
        macs=y.elements * taps.shape[1],
        outputs=y.elements,
        library=("tk_mve_strips",),
    )
    vector = 17 + 2 * two_sided
    vector += 0 if rows == 2 else 2 if horizontal.stride == 1 else 6
    blocks = -(-height // rows)
    cost = channels * (vectors * vector + CHANNEL) + ROW + x.shape[2] * channels * INTERLEAVED
    return replace(
        clamped(replace(step, instructions=round(blocks * cost) + SPREAD * channels), operator, y),
        scratch=4 * columns * channels + TAPS * channels + OUTSIDE,
        overlaps=window_overlap(x.shape, y.shape, vertical, horizontal),
    )


def _stream(taps: np.ndarray, sums: Sums) -> np.ndarray:
    """Bias, multiplier, shift to the left and weights, channel by channel."""
    parts = [
        sums.bias.astype("<i4").view(np.int8).reshape(-1, 4),
        sums.multipliers.astype("<i4").view(np.int8).reshape(-1, 4),
        -sums.shifts.reshape(-1, 1),
        taps,
    ]
    return np.concatenate(parts, axis=1).astype(np.int8).reshape(-1)
