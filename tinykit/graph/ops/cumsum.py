"""CUMSUM along one constant axis: running sums, with or without the value itself, from either end."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.along import AlongOptions, axis_of, inspect_axis
from tinykit.graph.arithmetic import cumsum_multiplier
from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import CUMSUM_OPTIONS, OPTIONS


@dataclass(frozen=True)
class CumsumOptions(AlongOptions):
    """Options of CUMSUM: `exclusive` leaves the value itself out, `reverse` adds from the end."""

    exclusive: bool
    reverse: bool


def parse(table: Table, operands: Operands) -> CumsumOptions:
    return CumsumOptions(axis_of(operands), table.flag(CUMSUM_OPTIONS.exclusive), table.flag(CUMSUM_OPTIONS.reverse))


def inspect(inspection: Inspection) -> None:
    if not inspect_axis(inspection, "int8", "float32"):
        return
    x, y = inspection.input, inspection.output
    if not (inspection.dtype(y, x.dtype) and inspection.shape(y, x.shape)) or x.dtype == "float32":
        return
    if inspection.per_tensor(x, y):
        assert x.quantization and y.quantization
        multiplier, shift = cumsum_multiplier(x.quantization.scale, y.quantization.scale)
        inspection.require(
            multiplier > 0 and shift <= 0,
            "its scales are too far apart for TFLM",
            "Quantize again with data like the real input",
        )


DEFINITION = Definition("CUMSUM", OPTIONS.CUMSUM, parse, inspect)
