"""SOFTMAX of int16 in portable C."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinykit.graph.arithmetic import quantize_multiplier, round_half_away
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.softmax import INT16_RANGE
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import IN_PLACE, INPUT, OUTPUT, make_step, scale
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

SPAN = np.float32(65535)
"""Steps of 16 bits, first to last."""


@lowering("SOFTMAX", dtype="int16")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A row at a time: its largest value, the sum of exponentials, the quotients."""
    x = graph.tensor(operator.inputs[0])
    depth = x.shape[-1]
    multiplier, shift = quantize_multiplier(scale(x) * operator.options.beta / INT16_RANGE)
    exponentials = table(math.exp, np.float32(10) / SPAN, 32767)
    reciprocals = table(lambda value: 1 / (1 + value), np.float32(1) / SPAN, -32768)
    return [
        make_step(
            operator,
            target,
            "tk_softmax_int16",
            {"rows": x.elements // depth, "depth": depth},
            [
                INPUT,
                OUTPUT,
                Constant("exponentials", exponentials, 2),
                Constant("reciprocals", reciprocals, 2),
                multiplier,
                -shift,
            ],
            outputs=x.elements,
            overlaps=(IN_PLACE,),
        )
    ]


def table(function: Callable[[float], float], step: np.float32, zero_point: int) -> np.ndarray:
    """TFLM's 513 entries of a function of int16, 15 fractional bits (`LUTPopulateInt16` in `internal/common.h`).

    Args:
        step: the input's scale; zero_point: its zero point. All arithmetic is in float32; the function itself is
            rounded to it once.
    """
    first, last = step * np.float32(-32768 - zero_point), step * np.float32(32767 - zero_point)
    stride = (last - first) / np.float32(512)
    scale_of_output = np.float32(2) / SPAN
    inverse = np.float32(65536) / (scale_of_output * np.float32(32767) - scale_of_output * np.float32(-32768))

    def steps(at: np.float32) -> np.float32:
        return np.float32(function(float(at))) * inverse

    def rounded(value: np.float32) -> np.float32:
        return np.float32(round_half_away(float(value)))

    entries = []
    for i in range(512):
        start = first + np.float32(i) * stride
        here = rounded(steps(start))
        between = rounded((steps(first + np.float32(i + 1) * stride) + here) / np.float32(2))
        entries.append(here - rounded((between - rounded(steps(start + stride / np.float32(2)))) / np.float32(2)))
    entries.append(rounded(steps(last)))
    return np.clip(entries, -32768, 32767).astype(np.int16)
