"""DEPTHWISE_CONV_2D in portable C."""

from __future__ import annotations

from collections.abc import Mapping

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.kernels.weighted import layer, parted
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("DEPTHWISE_CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time, for the layer's shape or shared by many; weights are packed channel by channel."""
    found = layer(graph, operator)
    x, y = found.x, found.y
    sums = found.sums()
    geometry = found.geometry
    del geometry["output_channels"]
    shape = {
        "batches": x.shape[0],
        **geometry,
        "depth_multiplier": operator.options.multiplier,
        "down": sums.down,
    }
    arguments = [INPUT, OUTPUT, Constant("weights", found.rows), *sums.constants]
    arguments += [zero_point(x), zero_point(y), *found.limits]

    def step(function: str, shape: Mapping[str, int], *numbers: int) -> Step:
        return make_step(
            operator,
            target,
            function,
            dict(shape),
            [*arguments, *numbers],
            macs=y.elements * found.rows.shape[1],
            outputs=y.elements,
            overlaps=window_overlap(x.shape, y.shape, *found.axes),
        )

    own = step("tk_depthwise_conv_2d", shape)
    if x.shape[0] > 1 or operator.options.multiplier > 1:
        return [own]
    window, numbers = parted(shape)
    return [own, step("tk_depthwise_conv_2d_any", window, *numbers)]
