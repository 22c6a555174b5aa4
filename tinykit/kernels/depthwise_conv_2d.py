"""DEPTHWISE_CONV_2D in portable C."""

from __future__ import annotations

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time; weights are packed channel by channel."""
    found = layer(graph, operator)
    x, y = found.x, found.y
    sums = found.sums()
    geometry = found.geometry
    del geometry["output_channels"]
    return [
        make_step(
            operator,
            target,
            "tk_depthwise_conv_2d",
            {
                "batches": x.shape[0],
                **geometry,
                "depth_multiplier": operator.options.multiplier,
                "down": sums.down,
            },
            [
                INPUT,
                OUTPUT,
                Constant("weights", found.rows),
                *sums.constants,
                zero_point(x),
                zero_point(y),
                *found.limits,
            ],
            macs=y.elements * found.rows.shape[1],
            outputs=y.elements,
            overlaps=window_overlap(x.shape, y.shape, *found.axes),
        )
    ]
