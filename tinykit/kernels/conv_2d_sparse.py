"""Pruned convolutions of one pixel's windows with the DSP extension: two pixels share each weight that is left."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.conv_2d_dsp import is_pointwise, pixel_steps
from tinykit.kernels.dsp import SCRATCH, clamped, proven
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.sparse_packing import pixels
from tinykit.kernels.steps import INPUT, OUTPUT, make_step
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LEAST = 0.5
"""The part of weights that must be zero for a stream to be tried at all."""

ENTRY, UNIT, TURN = 4.5, 1, 2
"""Instructions of a weight for two pixels, of a unit, and of a turn of the unrolled loop: counted in their code."""

CHANNEL, TWO_SIDED, UNPACKED, PIXELS = 20, 5, 4.2, 50
"""Instructions of an output of two pixels without its products, to unpack a channel of both, and of all else."""


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Offers only where the stream and its code are smaller; the plan then compares predicted instructions."""
    x, weights, y = (graph.tensor(i) for i in (*operator.inputs[:2], operator.outputs[0]))
    if not target.has("dsp") or target.has("mve") or x.dtype != "int8" or weights.dtype != "int8":
        return []
    if operator.options.groups > 1 or x.shape[0] > 1 or not is_pointwise(operator, x, weights, y):
        return []
    meant = layer(graph, operator)
    rows = meant.rows
    if (rows == 0).mean() < LEAST:
        return []
    found = proven(meant)
    stream = None if found is None else pixels(rows, found)
    if found is None or stream is None:
        return []
    step = make_step(
        operator,
        target,
        "tk_conv_2d_sparse_dsp",
        {"shift": found.shift, "two_sided": int(found.two_sided)},
        [INPUT, OUTPUT, SCRATCH, Constant("weights", stream.words, 4), found.offset, *pixel_steps(operator, x, y)],
        macs=y.elements * rows.shape[1],
        outputs=y.elements,
    )
    if step.weight_bytes + step.code_bytes > rows.size:
        return []
    work = ENTRY * stream.entries + UNIT * stream.units + TURN * stream.turns + UNPACKED * rows.shape[1] + PIXELS
    pairs = (y.shape[1] * y.shape[2] + 1) // 2
    cost = round(pairs * (work + (CHANNEL + TWO_SIDED * found.two_sided) * len(rows)))
    step = replace(step, instructions=cost, scratch=4 * rows.shape[1], skips_zeros=True)
    overlaps = window_overlap(x.shape, y.shape, operator.options.vertical, operator.options.horizontal)
    return [replace(clamped(step, operator, y), overlaps=overlaps)]
