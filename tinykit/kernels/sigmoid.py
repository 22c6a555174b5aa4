"""LOGISTIC and TANH of int16 in portable C."""

from __future__ import annotations

import math

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.graph.sigmoid import scaling
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import IN_PLACE, INPUT, OUTPUT, make_step, scale
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

_ONE_MORE = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44, 45, 46),
    *(49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255),
)
"""Entries of TFLM's table (`lite/kernels/internal/common.h`) that are one more than the nearest number."""


def sigmoid_table() -> Constant:
    """The logistic function at i / 24, i from 0 to 255, 16 fractional bits."""
    nearest = [math.floor(65536 / (1 + math.exp(-i / 24)) + 0.5) + (i in _ONE_MORE) for i in range(256)]
    return Constant("sigmoid", np.minimum(nearest, 65535).astype(np.uint16), 2)


@lowering("LOGISTIC", "TANH", dtype="int16")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A straight line between two entries of the table."""
    x = graph.tensor(operator.inputs[0])
    multiplier, shift = scaling(operator.op, scale(x))
    return [
        make_step(
            operator,
            target,
            f"tk_{operator.op.lower()}_int16",
            {"count": x.elements},
            [INPUT, OUTPUT, sigmoid_table(), multiplier, shift],
            outputs=x.elements,
            overlaps=(IN_PLACE,),
        )
    ]
