"""FULLY_CONNECTED with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.mve import GROUP, STREAM, Runs, cuts, group_starts, is_two_sided, packed
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, quantization, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

WIDE_GROUP = 8
"""Outputs at a time where they divide by it: each load of inputs serves more of them."""

HARDLY, RUN = 0.03, 2
"""The part that is given for shorter runs, and instructions of the loop over them."""

GROUP_COST, WIDE_GROUP_COST, CALL = 18, 30, 50
"""Instructions of a group without its products, and of a row of inputs."""


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for weights with a zero point, fewer than four outputs, or scales that are not well below 1."""
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    if not target.has("mve") or x.dtype != "int8" or zero_point(weights) != 0:
        return []
    found = layer(graph, operator)
    y = found.y
    units, depth = found.rows.shape
    group = GROUP if units % WIDE_GROUP else WIDE_GROUP
    runs = _short(cuts(depth), group)
    if runs is None or units < GROUP:
        return []
    sums, per_channel = found.sums(), len(quantization(weights).scales) > 1
    if not sums.down:
        return []
    low, high = found.limits
    two_sided = is_two_sided(low, zero_point(y))
    stream = packed(found.rows, sums, runs, group=group, per_channel=per_channel)
    batches = x.elements // depth
    step = make_step(
        operator,
        target,
        "tk_fully_connected_mve",
        {
            "is_one_run": int(runs.count == 1),
            "pieces": runs.pieces,
            "rest": runs.rest,
            "group": group,
            "left_over": units % group,
            "per_channel": int(per_channel),
            "two_sided": int(two_sided),
        },
        [
            INPUT,
            OUTPUT,
            Constant("weights", stream, STREAM),
            batches,
            units,
            runs.count,
            int(found.multipliers[0]),
            int(found.shifts[0]),
            zero_point(y),
            low,
            high,
        ],
        macs=x.elements * units,
        outputs=y.elements,
    )
    whole = _products(runs, group)
    finish = WIDE_GROUP_COST if group == WIDE_GROUP else GROUP_COST
    cost = batches * (len(group_starts(units, group)) * (whole + finish + two_sided * group // 2) + CALL)
    code = step.code_bytes + 4 * (2 * group + 1) * (runs.pieces + (runs.rest > 0))
    return [replace(step, instructions=cost, code_bytes=code)]


def _products(runs: Runs, group: int) -> int:
    """Instructions of the products of a group."""
    return runs.count * ((2 * group + 1) * (runs.pieces + (runs.rest > 0)) + RUN)


def _short(found: list[Runs], group: int) -> Runs | None:
    """The shortest runs that are hardly slower than the fastest: less code, which more layers share."""
    least = min((_products(runs, group) for runs in found), default=0)
    fast = (runs for runs in found if _products(runs, group) <= least * (1 + HARDLY))
    return min(fast, key=lambda runs: (runs.pieces, runs.rest), default=None)
