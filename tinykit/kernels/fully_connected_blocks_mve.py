"""FULLY_CONNECTED of pruned weights in blocks of four inputs, with Helium (MVE).

There is no kernel for zeros anywhere: gathering bytes would save instructions, and take a cycle for each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.mve import GROUP, STREAM, group_starts, is_two_sided
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, Sums, make_step, quantization, zero_point
from tinykit.kernels.weighted import layer
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

BLOCK, BLOCKS = 4, 4
"""Weights of a block, and blocks of a vector."""

MOST_BLOCKS = 256
"""Their places are bytes."""

LEAST = 0.3
"""The part of blocks that must be zero for a stream to be tried at all."""

VECTOR, ROW, GROUP_COST, CALL = 5, 2, 18, 40
"""Instructions of a vector, of an output without them, of a group of outputs, and of a call."""


@lowering("FULLY_CONNECTED")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Offers only where zeros make the layer smaller, with the code; the plan then compares predicted instructions."""
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    if not target.has("mve") or x.dtype != "int8" or weights.dtype != "int8" or zero_point(weights) != 0:
        return []
    found = layer(graph, operator)
    units, depth = found.rows.shape
    if x.elements != depth or depth % BLOCK or depth > BLOCK * MOST_BLOCKS or units < GROUP:
        return []
    blocks = found.rows.reshape(units, -1, BLOCK)
    if (blocks == 0).all(axis=2).mean() < LEAST:
        return []
    sums, per_channel = found.sums(), len(quantization(weights).scales) > 1
    if not sums.down:
        return []
    low, high = found.limits
    two_sided = is_two_sided(low, zero_point(found.y))
    stream, vectors = _packed(blocks, sums, per_channel)
    step = make_step(
        operator,
        target,
        "tk_fully_connected_blocks_mve",
        {"per_channel": int(per_channel), "two_sided": int(two_sided)},
        [
            *(INPUT, OUTPUT, Constant("weights", stream, STREAM), units, int(found.multipliers[0])),
            *(int(found.shifts[0]), zero_point(found.y), low, high),
        ],
        macs=depth * units,
        outputs=units,
    )
    if step.weight_bytes + step.code_bytes > found.rows.size:
        return []
    cost = VECTOR * vectors + len(group_starts(units)) * (GROUP * ROW + GROUP_COST + 2 * two_sided) + CALL
    return [replace(step, instructions=cost, skips_zeros=True)]


def _packed(rows: np.ndarray, sums: Sums, per_channel: bool) -> tuple[np.ndarray, int]:
    """The stream for weights int8 (outputs, blocks, 4), and its vectors: see fully_connected_blocks_mve.h."""
    parts: list[bytes] = []
    total = 0
    for first in group_starts(len(rows)):
        channels = slice(first, first + GROUP)
        vectors = [_vectors(row) for row in rows[channels]]
        counts = [len(some) for some in vectors]
        total += sum(counts)
        parts += [sums.bias[channels].astype("<i4").tobytes(), bytes(counts), *(v for some in vectors for v in some)]
        if per_channel:
            parts += [sums.multipliers[channels].astype("<i4").tobytes(), (-sums.shifts[channels]).tobytes()]
    return np.frombuffer(b"".join(parts), np.int8), total


def _vectors(row: np.ndarray) -> list[bytes]:
    """The blocks of an output that are not zero, four at a time; the last vector is filled up with zeros."""
    kept = np.nonzero(row.any(axis=1))[0]
    found = []
    for first in range(0, len(kept), BLOCKS):
        places = kept[first : first + BLOCKS]
        weights = np.zeros((BLOCKS, BLOCK), np.int8)
        weights[: len(places)] = row[places]
        found.append(bytes([*places.tolist(), *[0] * (BLOCKS - len(places))]) + weights.tobytes())
    return found
