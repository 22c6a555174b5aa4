"""CONV_2D with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.arithmetic import activation_range
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.graph.window import Axis
from tinykit.kernels.hot import is_hot
from tinykit.kernels.mve import (
    GROUP,
    LANES,
    MOST_PIECES,
    SCRATCH,
    STREAM,
    Runs,
    cut,
    group_starts,
    is_two_sided,
    packed,
)
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, Argument, Sums, make_step, scale, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

GROUP_COST, GROUP_TWO_SIDED = 23, 27
"""Instructions of eight outputs (two pixels, four channels) without their products."""

PAIR, CALL, ROW, COLUMN_RUN, COLUMN = 30, 60, 40, 22, 20
"""Instructions of a pair of pixels, of a stretch of pairs, of a row; to copy one kernel row, and one window."""

POINTWISE_GROUP, POINTWISE_PAIR = 22, 17
"""The same for windows of one pixel, which need no table of runs."""

PIECE, COUNTED_PIECE, COUNTED = 14, 16, 23
"""Instructions of 16 values of two pixels and four channels, of as many counted, and of what is left of those."""

PIECE_BYTES = 56
"""Code of so many."""

FEW = 8
"""Input channels of a strip at most: more of them cost memory, and gain little."""

REACH = 255
"""Offsets of the bytes of a vector, at most."""

SPREAD, SPREAD_ROW = 6, 24
"""Instructions to spread a vector of a row over a strip, and of the row."""

SHARE = 0.06
"""The part of the model's multiply-accumulates from which on a pointwise layer is worth code of its own."""

MOST_CHANNELS = 4095
"""Output channels are an immediate operand of 12 bits."""

RUN_BYTES = 24
"""Two pointers and a step in the table of runs, where pointers have 64 bits: the portable form runs there too."""


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """None for groups, several images, fewer than four channels, or scales that are not well below 1."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    if not target.has("mve") or x.dtype != "int8" or operator.options.groups > 1 or x.shape[0] > 1:
        return []
    sums = layer(graph, operator).sums()
    if not sums.down or not GROUP <= weights.shape[0] <= MOST_CHANNELS:
        return []
    if _is_pointwise(operator, weights):
        steps = _pointwise(graph, operator, target, sums, x.shape[1] * x.shape[2])
    else:
        steps = _cheaper(graph, operator, target, sums)
    overlaps = window_overlap(
        x.shape, y.shape, operator.options.vertical, operator.options.horizontal, pixels_per_block=2
    )
    return [replace(step, overlaps=overlaps) for step in steps]


def _pointwise(graph: Graph, operator: Operator, target: Target, sums: Sums, pixels: int) -> list[Step]:
    """Windows of one pixel, all of the image: by code that layers share, and where that is felt by code of its own."""
    weights, y = graph.tensor(operator.inputs[1]), graph.tensor(operator.outputs[0])
    channels, depth = weights.shape[0], weights.shape[-1]
    stretches = 1 + pixels % 2
    groups = (pixels + 1) // 2 * len(group_starts(channels))
    pieces, rest = divmod(depth - 1, LANES)
    counted = Runs(1, pieces, rest + 1)
    function = "tk_conv_2d_mve_pointwise"
    sizes: list[Argument] = [pixels, channels]
    arguments = [*sizes, counted.pieces, counted.rest]
    shared = _step(operator, target, f"{function}_any", {}, weights, y, sums, counted, [], arguments)
    group = POINTWISE_GROUP + (4 if shared.shape["two_sided"] else 0)
    fixed = (pixels + 1) // 2 * POINTWISE_PAIR + CALL * stretches
    steps = [replace(shared, instructions=groups * (group + COUNTED + COUNTED_PIECE * pieces) + fixed)]
    if is_hot(graph, y, weights.elements, SHARE) and depth <= LANES * MOST_PIECES:
        runs = Runs(1, *divmod(depth, LANES))
        shape = {"pieces": runs.pieces, "rest": runs.rest}
        own = _step(operator, target, function, shape, weights, y, sums, runs, [], sizes)
        cost = groups * (group + PIECE * runs.pieces + (PIECE + 1) * (runs.rest > 0)) + fixed
        code = own.code_bytes + PIECE_BYTES * (runs.pieces + (runs.rest > 0))
        steps.append(replace(own, instructions=cost, code_bytes=code))
    return steps


def _is_pointwise(operator: Operator, weights: Tensor) -> bool:
    """Whether each pixel of the image is a window, in their order."""
    axes = operator.options.vertical, operator.options.horizontal
    return weights.shape[1:3] == (1, 1) and not any(a.before or a.after or a.stride > 1 for a in axes)


def _cheaper(graph: Graph, operator: Operator, target: Target, sums: Sums) -> list[Step]:
    """Windows read in place, row by row, or copied together first, or a strip of columns: what costs less."""
    _, height, width, depth = graph.tensor(operator.inputs[1]).shape
    offers = [
        _windows(graph, operator, target, sums, cut(height * width * depth), gathered=True),
        _strip(graph, operator, target, sums),
    ]
    if operator.options.horizontal.dilation == 1:
        offers.append(_windows(graph, operator, target, sums, cut(width * depth, height), gathered=False))
    return sorted((step for step in offers if step is not None), key=lambda step: step.instructions)[:1]


def _windows(
    graph: Graph, operator: Operator, target: Target, sums: Sums, runs: Runs | None, *, gathered: bool
) -> Step | None:
    if runs is None:
        return None
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    channels, kernel_height, kernel_width, depth = weights.shape
    shape = {
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "depth": depth,
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "channels": channels,
        "kernel_height": kernel_height,
        "kernel_width": kernel_width,
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "dilation_width": horizontal.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
        "gathered": int(gathered),
        "runs": runs.count,
        "pieces": runs.pieces,
        "rest": runs.rest,
    }
    step = _step(operator, target, "tk_conv_2d_mve", shape, weights, y, sums, runs, [SCRATCH], [zero_point(x)])
    row = kernel_width * depth
    in_place = 0 if gathered else _pixels_inside(horizontal, x.shape[2], y.shape[2], kernel_width) // 2
    copied = y.shape[2] - 2 * in_place
    column = COLUMN + kernel_height * (COLUMN_RUN + row // 8)
    width = in_place * (_pair(runs, channels, step) + 6 * runs.count) + ROW + 10 * runs.count
    width += (copied + 1) // 2 * (_pair(runs, channels, step) + CALL) + copied * column
    scratch = _table(runs) + 2 * _whole_words(kernel_height * row) + (0 if gathered else _whole_words(row))
    code = step.code_bytes + PIECE_BYTES * (runs.pieces + (runs.rest > 0))
    return replace(step, instructions=y.shape[1] * width, scratch=scratch, code_bytes=code)


def _strip(graph: Graph, operator: Operator, target: Target, sums: Sums) -> Step | None:
    """Columns of few values side by side; None where a vector of them would reach too far."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[0], operator.inputs[1], operator.outputs[0]))
    vertical, horizontal = operator.options.vertical, operator.options.horizontal
    _, output_height, output_width, channels = y.shape
    _, height, width, depth = weights.shape
    column, pixels = height * depth, LANES // depth
    if depth > FEW or (pixels - 1) * column + depth > REACH or width * column > LANES * MOST_PIECES:
        return None
    rows = 2 if output_width % 2 and output_height > 1 else 1
    if horizontal.dilation > 1 or output_width * channels > REACH * REACH:
        return None
    columns = (output_width - 1) * horizontal.stride + width
    runs = Runs(1, *divmod(width * column, LANES))
    geometry = {
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "output_height": output_height,
        "output_width": output_width,
        "channels": channels,
        "kernel_height": height,
        "stride_height": vertical.stride,
        "stride_width": horizontal.stride,
        "dilation_height": vertical.dilation,
        "pad_top": vertical.before,
        "pad_left": horizontal.before,
        "columns": columns,
    }
    shape = {"depth": depth, "rows": rows, "pieces": runs.pieces, "rest": runs.rest}
    last: list[Argument] = [zero_point(x), *geometry.values()]
    step = _step(operator, target, "tk_conv_2d_mve_strip", shape, weights, y, sums, runs, [SCRATCH], last)
    group = POINTWISE_GROUP + (4 if step.shape["two_sided"] else 0) + runs.instructions - 1
    pairs = -(-output_height // 2) * output_width if rows == 2 else output_height * -(-output_width // 2)
    spread = output_height * height * (SPREAD * (x.shape[2] * depth // (pixels * depth) + 1) + SPREAD_ROW)
    calls = output_height * (CALL if rows == 1 else CALL // 2)
    return replace(
        step,
        instructions=pairs * (len(group_starts(channels)) * group + POINTWISE_PAIR) + spread + calls,
        scratch=_whole_words(LANES + rows * columns * column),
        code_bytes=step.code_bytes + PIECE_BYTES * (runs.pieces + (runs.rest > 0)),
    )


def _pixels_inside(axis: Axis, size: int, outputs: int, window: int) -> int:
    """Outputs along a row whose windows lie inside the image."""
    return sum(0 <= i * axis.stride - axis.before <= size - window for i in range(outputs))


def _step(
    operator: Operator,
    target: Target,
    function: str,
    shape: dict[str, int],
    weights: Tensor,
    y: Tensor,
    sums: Sums,
    runs: Runs,
    first: list[Argument],
    last: list[Argument],
) -> Step:
    """A step whose arguments are the places `first` to work in, weights, the outputs' limits, and `last`."""
    assert weights.data is not None
    order = (0, 2, 1, 3) if function == "tk_conv_2d_mve_strip" else (0, 1, 2, 3)
    rows = np.ascontiguousarray(weights.data.transpose(order)).reshape(weights.shape[0], -1)
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    return make_step(
        operator,
        target,
        function,
        {
            **shape,
            "two_sided": int(is_two_sided(low, zero_point(y))),
            "saturated": int((low, high) == (-128, 127)),
        },
        [INPUT, OUTPUT, *first, Constant("weights", packed(rows, sums, runs), STREAM), zero_point(y), low, high, *last],
        macs=y.elements * rows.shape[1],
        outputs=y.elements,
    )


def _pair(runs: Runs, channels: int, step: Step) -> int:
    """Instructions of the outputs of two pixels."""
    group = GROUP_TWO_SIDED if step.shape["two_sided"] else GROUP_COST
    return len(group_starts(channels)) * (group + runs.instructions) + PAIR


def _table(runs: Runs) -> int:
    """Bytes of the table of runs, with its end; a word more, so that it can start at a multiple of 8 bytes."""
    return RUN_BYTES * (runs.count + 1) + 4


def _whole_words(size: int) -> int:
    return -(-size // 4) * 4
