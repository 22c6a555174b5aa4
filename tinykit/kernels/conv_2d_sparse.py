"""Pruned convolutions with the DSP extension: four pixels share each weight that is left."""

from __future__ import annotations

from dataclasses import replace

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.conv_2d_dsp import RUN
from tinykit.kernels.dsp import SCRATCH, clamped, proven, run_instructions
from tinykit.kernels.overlap import window_overlap
from tinykit.kernels.registry import lowering
from tinykit.kernels.sparse_packing import pixels
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LEAST = 0.4
"""The part of weights that must be zero for a stream to be tried at all."""

COLUMN = 8
"""Bytes of scratch for a value of each of four pixels."""

ENTRY, UNIT, TURN = 6.5, 1, 2
"""Instructions of a weight for four pixels, of a unit, and of a turn of the unrolled loop: counted in their code."""

CHANNEL, TWO_SIDED, UNPACKED, PIXELS = 57, 9, 8.4, 110
"""Instructions of an output of four pixels without its products, to unpack a value of each, and of all else."""


@lowering("CONV_2D")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Offers only where the stream and its code are smaller; the plan then compares predicted instructions."""
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    if not target.has("dsp") or target.has("mve") or x.dtype != "int8" or weights.dtype != "int8":
        return []
    if operator.options.groups > 1 or x.shape[0] > 1:
        return []
    meant = layer(graph, operator)
    rows, y = meant.rows, meant.y
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
        [
            *(INPUT, OUTPUT, SCRATCH, Constant("weights", stream.words, 4), found.offset, zero_point(x)),
            *meant.geometry.values(),
        ],
        macs=y.elements * rows.shape[1],
        outputs=y.elements,
    )
    if step.weight_bytes + step.code_bytes > rows.size:
        return []
    work = ENTRY * stream.entries + UNIT * stream.units + TURN * stream.turns + UNPACKED * rows.shape[1] + PIXELS
    fours = -(-y.shape[1] * y.shape[2] // 4)
    cost = fours * (work + (CHANNEL + TWO_SIDED * found.two_sided) * len(rows))
    cost += run_instructions(operator, x, weights, y, 2 * RUN)
    scratch = COLUMN * rows.shape[1] + 2 * weights.shape[2] * weights.shape[3]
    step = replace(step, instructions=round(cost), scratch=scratch, skips_zeros=True)
    return [replace(clamped(step, operator, y), overlaps=window_overlap(x.shape, y.shape, *meant.axes))]
