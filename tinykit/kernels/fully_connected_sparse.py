"""FULLY_CONNECTED of pruned weights with the DSP extension: zeros anywhere, or in blocks of four inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.dsp import SCRATCH, clamped
from tinykit.kernels.fully_connected_dsp import single_row
from tinykit.kernels.registry import lowering
from tinykit.kernels.requantization import Requantization
from tinykit.kernels.sparse_packing import Stream, blocks, sparse
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

SPARSE_LEAST, BLOCKS_LEAST = 0.3, 0.3
"""The part of weights (of blocks) that must be zero for a stream to be tried at all."""

PAIR, SINGLE, BLOCK, UNIT, TURN = 4, 3.5, 5, 1, 2
"""Instructions of an entry of each form, of a unit, and of a turn of the unrolled loops: counted in their code."""

SPARSE_ROW, BLOCKS_ROW, TWO_SIDED = 27, 17, 2
"""Instructions of an output without its products."""

TABLE_VALUES, UNPACKED, CALL = {1: 1.8, 2: 2.9, 3: 5.2, 4: 7.5}, 2.0, 60
"""Instructions to copy an input into so many arrangements (more make more pairs), to unpack one, and of a call."""


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Offers only where zeros make the layer smaller, with the code; the plan then compares predicted instructions."""
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    if not target.has("dsp") or target.has("mve") or x.dtype != "int8" or zero_point(weights) != 0:
        return []
    assert weights.data is not None and weights.quantization is not None
    rows = weights.data
    if x.elements != weights.shape[1] or (rows == 0).mean() < SPARSE_LEAST:
        return []
    found = single_row(graph, operator)
    if found is None:
        return []
    uniform = len(weights.quantization.scales) == 1
    offers = _sparse(graph, operator, target, rows, found, uniform) + _blocks(
        graph, operator, target, rows, found, uniform
    )
    return [step for step in offers if step.weight_bytes + step.code_bytes <= rows.size]


def _sparse(
    graph: Graph, operator: Operator, target: Target, rows: np.ndarray, found: Requantization, uniform: bool
) -> list[Step]:
    tried = {t: sparse(rows, found, t, per_channel=not uniform) for t in TABLE_VALUES if t < rows.shape[1]}
    steps = []
    for tables, stream in tried.items():
        if stream is not None:
            work = PAIR * stream.entries + SINGLE * stream.seconds + UNIT * stream.units + TURN * stream.turns
            cost = work + TABLE_VALUES[tables] * rows.shape[1] + (SPARSE_ROW + TWO_SIDED * found.two_sided) * len(rows)
            name = "tk_fully_connected_sparse_dsp"
            scratch = 2 * tables * rows.shape[1]
            steps.append(_step(graph, operator, target, name, stream, found, uniform, (tables,), scratch, cost))
    return steps


def _blocks(
    graph: Graph, operator: Operator, target: Target, rows: np.ndarray, found: Requantization, uniform: bool
) -> list[Step]:
    if rows.shape[1] % 4 or (rows.reshape(-1, 4) == 0).all(axis=1).mean() < BLOCKS_LEAST:
        return []
    stream = blocks(rows, found, per_channel=not uniform)
    if stream is None:
        return []
    work = BLOCK * stream.entries + UNIT * stream.units + TURN * stream.turns
    cost = work + UNPACKED * rows.shape[1] + (BLOCKS_ROW + TWO_SIDED * found.two_sided) * len(rows)
    name = "tk_fully_connected_blocks_dsp"
    return [_step(graph, operator, target, name, stream, found, uniform, (), 2 * rows.shape[1], cost)]


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    stream: Stream,
    found: Requantization,
    uniform: bool,
    more: tuple[int, ...],
    scratch: int,
    cost: float,
) -> Step:
    weights, y = graph.tensor(operator.inputs[1]), graph.tensor(operator.outputs[0])
    units, depth = weights.shape
    step = make_step(
        operator,
        target,
        function,
        {"per_channel": int(not uniform), "shift": found.shift, "two_sided": int(found.two_sided)},
        [
            INPUT,
            OUTPUT,
            SCRATCH,
            Constant("weights", stream.words, 4),
            found.offset,
            int(found.multipliers[0]),
            int(found.jumps[0]),
            depth,
            units,
            *more,
        ],
        macs=depth * units,
        outputs=units,
    )
    return clamped(replace(step, instructions=round(cost) + CALL, scratch=scratch, skips_zeros=True), operator, y)
