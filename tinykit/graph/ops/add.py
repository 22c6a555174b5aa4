"""ADD and SUB of two tensors, broadcast as numpy does, with a fused clamp; one operand may be constant."""

from __future__ import annotations

from tinykit.graph.arithmetic import ADD_LEFT_SHIFTS, add_multipliers
from tinykit.graph.broadcast import ArithmeticOptions, inspect_arithmetic, operands, parse_activation
from tinykit.graph.definition import Definition, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import ADD_OPTIONS, OPTIONS


def parse(table: Table, _operands: Operands) -> ArithmeticOptions:
    return ArithmeticOptions(activation_name(table, ADD_OPTIONS.activation))


def inspect(inspection: Inspection) -> None:
    activation = inspection.options.activation
    if not inspect_arithmetic(inspection, "int8", "int16", "int32", "float32", activation=activation):
        return
    a, b, y = operands(inspection)
    left = ADD_LEFT_SHIFTS.get(y.dtype)
    if left is None:
        return
    assert a.quantization and b.quantization and y.quantization
    *factors, last = add_multipliers(a.quantization.scale, b.quantization.scale, y.quantization.scale, left)
    inspection.require(
        all(multiplier > 0 for multiplier, _ in factors) and last[0] > 0 and last[1] <= 0,
        "its scales are too far apart for TFLM",
        "Quantize again with data like the real input",
    )


DEFINITIONS = (
    Definition("ADD", OPTIONS.ADD, parse, inspect),
    Definition("SUB", OPTIONS.SUB, parse_activation, inspect),
)
