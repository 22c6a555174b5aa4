"""PAD and PADV2: constant values around a tensor of up to five dimensions; amounts are a constant input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import QUANTIZE_FIRST, Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.moving import counts, fixed, given, most_dimensions, moves_type

TYPES = ("int8", "int16", "int32", "float32")
LARGEST_RANK = 5

LARGEST_PADDING = 1 << 15


@dataclass(frozen=True)
class PadOptions:
    """Options of PAD and PADV2.

    Attributes: `paddings` elements before and after, a dimension; None where the file does not fix them. `value` the
    value put there, quantized where the tensor is; None where it is not known.
    """

    paddings: tuple[tuple[int, int], ...] | None
    value: int | float | None


def parse(_table: Table, operands: Operands) -> PadOptions:
    rank = len(operands.shape(0))
    amounts = operands.constant(1)
    paddings = None
    if amounts is not None and amounts.dtype.kind == "i" and len(amounts) == 2 * rank:
        flat = [int(a) for a in amounts]
        if all(0 <= a <= LARGEST_PADDING for a in flat):
            paddings = tuple(zip(flat[::2], flat[1::2], strict=True))
    return PadOptions(paddings, _value(operands))


def _value(operands: Operands) -> int | float | None:
    if len(operands.inputs) < 3 or operands.inputs[2] is None:
        y = operands.outputs[0] if operands.outputs else None
        # TFLM takes the zero point for int8 alone.
        if y is None or y.dtype != "int8":
            return 0
        return None if y.quantization is None else y.quantization.zero_point
    values = operands.constant(2)
    return values[0].item() if values is not None and len(values) == 1 and values.dtype.kind in "if" else None


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 3)):
        return
    x, y, options = inspection.input, inspection.output, inspection.options
    if not (moves_type(inspection, x, y, types=TYPES) and fixed(inspection, 1, "amounts")):
        return
    if not most_dimensions(inspection, x, LARGEST_RANK, 1):
        return
    if not inspection.require(
        options.paddings is not None, f"its amounts are not a pair of small positive numbers for each of {x.shape}"
    ):
        return
    inspection.shape(y, tuple(n + a + b for n, (a, b) in zip(x.shape, options.paddings, strict=True)))
    if y.dtype == "int8" and not inspection.per_tensor(x, y):
        return
    if len(inspection.inputs) == 3:
        _inspect_value(inspection, given(inspection, 2), y)
    inspection.require(options.value is not None, "its value is not one number")


def _inspect_value(inspection: Inspection, value: Tensor, y: Tensor) -> None:
    if inspection.dtype(value, y.dtype) and inspection.constant(value, "value") and y.dtype == "int8":
        a, b = value.quantization, y.quantization
        alike = a is not None and b is not None and a.scale == b.scale and a.zero_point == b.zero_point
        inspection.require(alike, "its value is quantized unlike its output, which TFLM refuses", QUANTIZE_FIRST)


def moves(
    options: PadOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The value everywhere, then the input into the middle."""
    assert options.paddings is not None
    x, y = inputs[0], outputs[0]
    yield y, np.broadcast_to(np.asarray(options.value, y.dtype), y.shape)
    yield y[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, options.paddings, strict=True))], x


DEFINITIONS = tuple(Definition(op, None, parse, inspect, moves) for op in ("PAD", "PADV2"))
