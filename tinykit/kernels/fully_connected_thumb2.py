"""FULLY_CONNECTED for Thumb-2 cores without the DSP extension: eight outputs share each input that is loaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels import packing
from tinykit.kernels.dsp import clamped
from tinykit.kernels.fully_connected_dsp import single_row
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

GROUP, EIGHT, OUTPUT_VALUE = 50, 17 + 3 / 8, 13
"""Instructions of eight outputs, of each input of theirs, and of an output."""


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Only for one row of inputs, weights of one scale without zero point, and a proven cheap requantization."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    is_meant = target.has("thumb2") and target.has("mul64") and not target.has("dsp")
    if not is_meant or x.dtype != "int8" or zero_point(weights) != 0:
        return []
    assert weights.data is not None and weights.quantization is not None
    units, depth = weights.shape
    if x.elements != depth or len(weights.quantization.scales) > 1:
        return []
    found = single_row(graph, operator)
    if found is None:
        return []
    step = make_step(
        operator,
        target,
        "tk_fully_connected_thumb2",
        {"shift": found.shift, "two_sided": int(found.two_sided)},
        [
            INPUT,
            OUTPUT,
            Constant("weights", packing.eights(weights.data)),
            Constant("biases", np.asarray(found.biases), 4),
            found.offset,
            int(found.multipliers[0]),
            int(found.jumps[0]),
            depth,
            units,
        ],
        macs=x.elements * units,
        outputs=y.elements,
        library=("tk_dot_eight", "memset"),
    )
    groups = -(-units // 8)
    cost = round(groups * (GROUP + EIGHT * depth) + units * (OUTPUT_VALUE + 2 * found.two_sided)) + 60
    return [clamped(replace(step, instructions=cost), operator, y)]
