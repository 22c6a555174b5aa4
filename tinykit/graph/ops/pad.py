"""PAD and PADV2: constant values around a tensor of up to four dimensions; amounts are a constant input."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import QUANTIZE_FIRST, Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table

LARGEST_RANK = 4
"""Images need no more; TFLM takes five."""

LARGEST_PADDING = 1 << 15


@dataclass(frozen=True)
class PadOptions:
    """Options of PAD and PADV2.

    Attributes: `paddings` elements before and after, a dimension; None where the file does not fix them. `value` the
    quantized value put there; None where it is not known.
    """

    paddings: tuple[tuple[int, int], ...] | None
    value: int | None


def parse(_table: Table, operands: Operands) -> PadOptions:
    rank = len(operands.shape(0))
    amounts = operands.constant(1)
    paddings = None
    if amounts is not None and amounts.dtype.kind == "i" and len(amounts) == 2 * rank:
        flat = [int(a) for a in amounts]
        if all(0 <= a <= LARGEST_PADDING for a in flat):
            paddings = tuple(zip(flat[::2], flat[1::2], strict=True))
    return PadOptions(paddings, _value(operands))


def _value(operands: Operands) -> int | None:
    if len(operands.inputs) < 3 or operands.inputs[2] is None:
        quantization = operands.outputs[0].quantization if operands.outputs else None
        return None if quantization is None else quantization.zero_point
    values = operands.constant(2)
    return int(values[0]) if values is not None and len(values) == 1 and values.dtype.kind == "i" else None


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(2, 3):
        return
    x, amounts, value, y = inspection.input, inspection.inputs[1], inspection.optional(2), inspection.output
    options: PadOptions = inspection.options
    assert amounts is not None
    if not (inspection.dtype(x, "int8") and inspection.dtype(y, "int8") and inspection.dtype(amounts, "int32")):
        return
    if not (inspection.per_tensor(x, y) and inspection.constant(amounts, "amounts")):
        return
    if not inspection.require(
        1 <= len(x.shape) <= LARGEST_RANK, f"it has {len(x.shape)} dimensions", f"Use 1 to {LARGEST_RANK}"
    ):
        return
    if not inspection.require(
        options.paddings is not None, f"its amounts are not a pair of small positive numbers for each of {x.shape}"
    ):
        return
    assert options.paddings is not None
    inspection.shape(y, tuple(n + a + b for n, (a, b) in zip(x.shape, options.paddings, strict=True)))
    if value is not None and inspection.dtype(value, "int8") and inspection.constant(value, "value"):
        assert y.quantization
        same = (
            value.quantization is not None
            and value.quantization.scale == y.quantization.scale
            and value.quantization.zero_point == y.quantization.zero_point
        )
        inspection.require(same, "its value is quantized unlike its output, which TFLM refuses", QUANTIZE_FIRST)
    inspection.require(options.value is not None, "its value is not one int8 number")


DEFINITIONS = tuple(Definition(op, None, parse, inspect) for op in ("PAD", "PADV2"))
