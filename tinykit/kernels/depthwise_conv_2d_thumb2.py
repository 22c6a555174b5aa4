"""DEPTHWISE_CONV_2D 3 x 3 for Thumb-2 cores without the DSP extension: two neighbouring outputs at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.dsp import SCRATCH, clamped, proven
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

MOST_BLOCK = 32
"""Channels of a padded window that are copied at a time, at most."""

CHANNEL, PIXELS, COPIED = 91, 60, 0.8
"""Instructions of a channel of two pixels, of the two pixels, and of copying a byte of a padded window."""


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Only for strides of 1 or 2, without dilation or multiplier, one image, and a proven cheap requantization."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    is_meant = target.has("thumb2") and target.has("mul64") and not target.has("dsp")
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    plain = vertical.dilation == horizontal.dilation == 1 and vertical.stride == horizontal.stride <= 2
    if not is_meant or x.dtype != "int8" or not plain or operator.options.multiplier > 1:
        return []
    if x.shape[0] > 1 or weights.shape[1:3] != (3, 3):
        return []
    channels = x.shape[3]
    meant = layer(graph, operator)
    rows = meant.rows
    found = proven(meant)
    if found is None:
        return []
    block = _block(graph)
    parameters = [found.biases, found.multipliers, *([found.jumps] if found.two_sided else [])]
    step = make_step(
        operator,
        target,
        "tk_depthwise_conv_2d_thumb2",
        {"stride": vertical.stride, "block": block, "shift": found.shift, "two_sided": int(found.two_sided)},
        [
            INPUT,
            OUTPUT,
            SCRATCH,
            Constant("weights", rows * found.live[:, None].astype(np.int8)),
            Constant("parameters", np.stack(parameters, axis=1), 4),
            found.offset,
            zero_point(x),
            *x.shape[1:],
            *y.shape[1:3],
            vertical.before,
            horizontal.before,
        ],
        macs=9 * y.elements,
        outputs=y.elements,
        overlaps=window_overlap(x.shape, y.shape, vertical, horizontal, pixels_per_block=2),
    )
    window = 3 * (3 + vertical.stride) * channels
    pairs = y.shape[1] * -(-y.shape[2] // 2)
    padded = pairs if y.shape[1] == 1 else min(pairs, 2 * y.shape[1] + y.shape[2])
    cost = pairs * (PIXELS + (CHANNEL + 4 * found.two_sided) * channels) + padded * COPIED * window
    return [clamped(replace(step, instructions=round(cost), scratch=3 * (3 + vertical.stride) * block), operator, y)]


def _block(graph: Graph) -> int:
    """One for all layers of a model, which share code: as many channels as they have, in eights."""
    channels = [graph.tensor(o.outputs[0]).shape[3] for o in graph.operators if o.op == "DEPTHWISE_CONV_2D"]
    return min(-(-max(channels) // 8) * 8, MOST_BLOCK)
