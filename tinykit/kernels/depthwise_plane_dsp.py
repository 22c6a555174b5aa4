"""DEPTHWISE_CONV_2D 3 x 3 of stride 1 with the DSP extension: a channel at a time, in its input's place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.graph.window import Axis
from tinykit.kernels.dsp import SCRATCH, clamped, proven
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, make_step, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Place, Step
from tinykit.targets import Target

MOST_PITCH = 248
"""The instructions' offsets end at 1,020 bytes, two rows of the plane."""

SMALLEST_PITCH = 8
"""Small images share code."""

PRODUCERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD")
"""Their outputs lie alone, so that what is written over them is missed by nobody but their reader."""

FILLED, PAIR, ONE, ROW, EVEN, CHANNEL = 2.7, 28, 26, 15, 20, 70
"""Instructions to copy a value, of two outputs, of one that is left over, of a row, more if even, of a channel."""


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Only where nobody else reads the input, and all outputs lie on one side of the zero point."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    padded = Axis(stride=1, dilation=1, before=1, after=1)
    axes = operator.options.vertical, operator.options.horizontal
    fits = x.shape == y.shape and weights.shape[1:3] == (3, 3) and axes == (padded, padded) and x.shape[0] == 1
    if not target.has("dsp") or x.dtype != "int8" or not fits or not _is_read_once(graph, operator):
        return []
    _, height, width, channels = x.shape
    pitch = max(width + 2 + width % 2, SMALLEST_PITCH)
    meant = layer(graph, operator)
    rows = meant.rows
    found = proven(meant)
    if found is None or found.two_sided or pitch > MOST_PITCH:
        return []
    step = make_step(
        operator,
        target,
        "tk_depthwise_plane_dsp",
        {"pitch": pitch, "shift": found.shift},
        [
            INPUT,
            SCRATCH,
            Constant("weights", rows * found.live[:, None].astype(np.int8)),
            Constant("parameters", np.stack([found.biases, found.multipliers], axis=1), 4),
            found.offset,
            zero_point(x),
            height,
            width,
            channels,
        ],
        macs=9 * y.elements,
        outputs=y.elements,
    )
    row = FILLED * width + PAIR * (width // 2) + ONE * (width % 2) + ROW + EVEN * (width % 2 == 0)
    step = replace(
        step,
        instructions=round(channels * (CHANNEL + height * row)),
        scratch=2 * pitch * (height + 2),
        places=(Place(operator.outputs[0], operator.inputs[0], 0),),
    )
    return [clamped(step, operator, y)]


def _is_read_once(graph: Graph, operator: Operator) -> bool:
    """Whether this operator alone reads its input, which another one computes in memory of its own."""
    index = operator.inputs[0]
    producer = graph.producer(index)
    is_own = producer is not None and producer.op in PRODUCERS
    return is_own and len(graph.consumers(index)) == 1 and index not in graph.outputs
