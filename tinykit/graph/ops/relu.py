"""RELU and RELU6 as operators of their own, int8 to int8.

RELU requantizes from input to output; RELU6 only clamps, in the input's units, whatever its output's quantization is.
"""

from __future__ import annotations

import numpy as np

from tinykit.graph.definition import Definition, Inspection, no_options


def inspect_relu(inspection: Inspection) -> None:
    if _inspect(inspection):
        x, y = inspection.input.quantization, inspection.output.quantization
        assert x and y
        inspection.requantizes(-255, 255, float(np.float32(x.scale) / np.float32(y.scale)))


def inspect_relu6(inspection: Inspection) -> None:
    if _inspect(inspection):
        x = inspection.input.quantization
        assert x
        inspection.require(
            6 / x.scale < 1 << 30, "its input's scale is too small", "Quantize again with data like the real input"
        )


def _inspect(inspection: Inspection) -> bool:
    if not inspection.arity(1, 1):
        return False
    x, y = inspection.input, inspection.output
    return inspection.int8(x, y) and inspection.shape(y, x.shape)


DEFINITIONS = (
    Definition("RELU", None, no_options, inspect_relu),
    Definition("RELU6", None, no_options, inspect_relu6),
)
