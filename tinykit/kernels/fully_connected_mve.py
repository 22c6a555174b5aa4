"""FULLY_CONNECTED with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import activation_range, channel_multipliers, fully_connected_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.mve import GROUP, STREAM, cut, group_starts, is_two_sided, packed
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, fold_sums, make_step, optional_input, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

WIDE_GROUP = 8
"""Outputs at a time where they divide by it: each load of inputs serves more of them."""

GROUP_COST, WIDE_GROUP_COST, CALL = 18, 30, 50
"""Instructions of a group without its products, and of a row of inputs."""


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for weights with a zero point, fewer than four outputs, or scales that are not well below 1."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not target.has("mve") or x.dtype != "int8" or zero_point(weights) != 0:
        return []
    assert weights.data is not None and weights.quantization is not None
    units, depth = weights.shape
    runs = cut(depth)
    if runs is None or units < GROUP:
        return []
    scales = weights.quantization.scales
    if len(scales) > 1:
        multipliers, shifts = channel_multipliers(scale(x), scales, scale(y), units)
    else:
        one = fully_connected_multiplier(scale(x), scales[0], scale(y))
        multipliers, shifts = (np.full(units, value, np.int64) for value in one)
    sums = fold_sums(
        operator,
        weights.data.astype(np.int64),
        optional_input(graph, operator, 2),
        input_zero_point=zero_point(x),
        multipliers=multipliers,
        shifts=shifts,
    )
    if not sums.down:
        return []
    group = GROUP if units % WIDE_GROUP else WIDE_GROUP
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    two_sided = is_two_sided(low, zero_point(y))
    stream = packed(weights.data, sums, runs, group=group, per_channel=len(scales) > 1)
    batches = x.elements // depth
    step = make_step(
        operator,
        target,
        "tk_fully_connected_mve",
        {
            "runs": runs.count,
            "pieces": runs.pieces,
            "rest": runs.rest,
            "group": group,
            "left_over": units % group,
            "per_channel": int(len(scales) > 1),
            "two_sided": int(two_sided),
        },
        [
            INPUT,
            OUTPUT,
            Constant("weights", stream, STREAM),
            batches,
            units,
            int(multipliers[0]),
            int(shifts[0]),
            zero_point(y),
            low,
            high,
        ],
        macs=x.elements * units,
        outputs=y.elements,
    )
    products = 2 * group + 1
    whole = runs.count * (products * (runs.pieces + (runs.rest > 0)) + 2)
    finish = WIDE_GROUP_COST if group == WIDE_GROUP else GROUP_COST
    cost = batches * (len(group_starts(units, group)) * (whole + finish + two_sided * group // 2) + CALL)
    code = step.code_bytes + 4 * products * (runs.pieces + (runs.rest > 0))
    return [replace(step, instructions=cost, code_bytes=code)]
