"""LEAKY_RELU: x, or alpha times x below 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.ops.functions import inspect_function
from tinykit.graph.schema import LEAKY_RELU_OPTIONS, OPTIONS


@dataclass(frozen=True)
class LeakyReluOptions:
    """Options of LEAKY_RELU: `alpha` the slope below 0."""

    alpha: float


def parse(table: Table, _operands: Operands) -> LeakyReluOptions:
    return LeakyReluOptions(table.real(LEAKY_RELU_OPTIONS.alpha))


def inspect(inspection: Inspection) -> None:
    alpha = inspection.options.alpha
    if inspection.require(math.isfinite(alpha), f"its slope is {alpha}") and inspect_function(
        inspection, "int8", "int16", "float32"
    ):
        x, y = inspection.input.quantization, inspection.output.quantization
        if x and y:
            largest = 255 if inspection.input.dtype == "int8" else 1 << 15
            inspection.requantizes(-largest, 0, abs(alpha) * x.scale / y.scale)


DEFINITION = Definition("LEAKY_RELU", OPTIONS.LEAKY_RELU, parse, inspect)
