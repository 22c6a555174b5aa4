"""PAD before a convolution: the convolution pads by itself."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.edit import each_operator, renamed_input, replaced
from tinykit.graph.model import Graph, Operator
from tinykit.graph.window import EXPLICIT, Axis

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def fold_pads(graph: Graph) -> Graph:
    """Turn PAD into explicit padding of the convolutions that read it.

    Exact if the padded value is the zero point that the convolution subtracts: such taps add nothing, like the
    convolution's own padding, so the two simply add up. The quantization must not change across the PAD, because the
    convolution then scales by that of the PAD's input.
    """
    return each_operator(graph, _fold)


def _fold(graph: Graph, operator: Operator) -> Graph:
    if operator.op not in ("PAD", "PADV2") or not _is_spatial_zero(graph, operator):
        return graph
    x, y = operator.inputs[0], operator.outputs[0]
    readers = graph.consumers(y)
    if y in graph.outputs or not all(o.op in CONVOLUTIONS and o.inputs[0] == y for o in readers):
        return graph
    changes: dict[Operator, Operator | None] = {o: _padded(renamed_input(o, y, x), operator) for o in readers}
    return replaced(graph, {**changes, operator: None})


def _is_spatial_zero(graph: Graph, operator: Operator) -> bool:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype != "int8":
        return False
    a, b, options = x.quantization, y.quantization, operator.options
    assert a is not None and b is not None
    return (
        not x.is_constant
        and len(x.shape) == 4
        and options.paddings[0] == (0, 0) == options.paddings[3]
        and options.value == b.zero_point == a.zero_point
        and a.scale == b.scale
    )


def _padded(convolution: Operator, pad: Operator) -> Operator:
    _, vertical, horizontal, _ = pad.options.paddings
    options = convolution.options
    return replace(
        convolution,
        options=replace(
            options,
            vertical=_wider(options.vertical, vertical),
            horizontal=_wider(options.horizontal, horizontal),
            padding=EXPLICIT,
        ),
    )


def _wider(axis: Axis, amounts: tuple[int, int]) -> Axis:
    return replace(axis, before=axis.before + amounts[0], after=axis.after + amounts[1])
