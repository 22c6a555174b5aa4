"""CONV_2D in portable C."""

from __future__ import annotations

from collections.abc import Mapping

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, block, make_step, zero_point
from tinykit.kernels.weighted import layer, parted
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A few output values at a time, along contiguous channels: for the layer's shape, or shared by many."""
    found = layer(graph, operator)
    x, weights, y = found.x, found.weights, found.y
    vertical, horizontal = found.axes
    sums = found.sums()
    shape = {
        "batches": x.shape[0],
        **found.geometry,
        "kernel_channels": weights.shape[3],
        "block": block(target),
        "down": sums.down,
    }
    is_padded = any((vertical.before, vertical.after, horizontal.before, horizontal.after))
    if weights.shape[1:3] == (1, 1) and (vertical.stride, horizontal.stride) == (1, 1) and not is_padded:
        _flatten(shape)
    arguments = [INPUT, OUTPUT, Constant("weights", found.rows), *sums.constants]
    arguments += [zero_point(x), zero_point(y), *found.limits]
    has_remainder = weights.shape[0] // operator.options.groups % block(target) != 0

    def step(function: str, shape: Mapping[str, int], cost_of: str, *numbers: int) -> Step:
        return make_step(
            operator,
            target,
            function,
            dict(shape),
            [*arguments, *numbers],
            macs=y.elements * found.rows.shape[1],
            outputs=y.elements,
            overlaps=window_overlap(x.shape, y.shape, vertical, horizontal),
            runs=y.elements * weights.shape[1],
            has_remainder=has_remainder,
            cost_of=cost_of,
        )

    own = step("tk_conv_2d", shape, "tk_conv_2d" if is_padded else "tk_conv_2d_whole")
    if shape["batches"] > 1 or operator.options.groups > 1:
        return [own]
    window, numbers = parted(shape)
    cost_of = "tk_conv_2d_any_pixel" if weights.shape[1:3] == (1, 1) else "tk_conv_2d_any"
    return [own, step("tk_conv_2d_any", window, cost_of, *numbers)]


def _flatten(shape: dict[str, int]) -> None:
    """All pixels in one row: a pointwise convolution does not see the image, and more layers share an instance."""
    pixels = shape["batches"] * shape["output_height"] * shape["output_width"]
    shape.update(batches=1, input_height=1, output_height=1, input_width=pixels, output_width=pixels)
