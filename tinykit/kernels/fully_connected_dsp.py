"""FULLY_CONNECTED with the DSP extension: weights packed in pairs of outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.model import Graph, Operator
from tinykit.kernels import packing
from tinykit.kernels.dsp import clamped, proven
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization, sums, uniform_requantization
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, quantization, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

GROUP, WORD, OUTPUT_VALUE, REST = 32, 16 + 3 / 8, 5, 50
"""Instructions of four outputs, of each four inputs of theirs, of an output, and of inputs that do not fill a word."""


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for several rows, for weights with a zero point or of -128, or without a proven cheap requantization."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not target.has("dsp") or x.dtype != "int8" or zero_point(weights) != 0:
        return []
    assert weights.data is not None and weights.quantization is not None
    units, depth = weights.shape
    if x.elements != depth or not packing.can_pair(weights.data):
        return []
    found = single_row(graph, operator)
    if found is None:
        return []
    uniform = len(weights.quantization.scales) == 1
    step = make_step(
        operator,
        target,
        "tk_fully_connected_dsp",
        {"per_channel": int(not uniform), "shift": found.shift, "two_sided": int(found.two_sided)},
        [
            INPUT,
            OUTPUT,
            Constant("weights", packing.fully_connected(weights.data, found, per_channel=not uniform), 4),
            found.offset,
            int(found.multipliers[0]),
            int(found.jumps[0]),
            depth,
            units,
        ],
        macs=x.elements * units,
        outputs=y.elements,
        library=("tk_dot_four",),
    )
    return [clamped(replace(step, instructions=_instructions(depth, units, found)), operator, y)]


def single_row(graph: Graph, operator: Operator) -> Requantization | None:
    """The proven cheap requantization; where weights have one scale it is the same for all outputs."""
    found = layer(graph, operator)
    if len(quantization(found.weights).scales) > 1:
        return proven(found)
    rows = found.rows.astype(np.int64)
    folded = bias_values(found.bias, len(rows)) - zero_point(found.x) * rows.sum(axis=1)
    one = int(found.multipliers[0]), int(found.shifts[0])
    return uniform_requantization(*one, folded, *sums(rows, folded), zero_point(found.y))


def _instructions(depth: int, units: int, found: Requantization) -> int:
    group = GROUP + WORD * (depth // 4) + (REST + WORD if depth % 4 else 0)
    return round(-(-units // packing.GROUP) * group + units * (OUTPUT_VALUE + 2 * found.two_sided)) + 60
