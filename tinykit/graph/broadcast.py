"""Operators of two operands that broadcast against each other as numpy's do: the options and checks that they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.arithmetic import ACTIVATIONS
from tinykit.graph.definition import QUANTIZE_FIRST, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.schema import ARITHMETIC_OPTIONS

LARGEST_RANK = 6
"""Dimensions of the kernels' loops."""

QUANTIZED = ("int8", "int16")
"""Types whose values stand for reals by a scale."""


@dataclass(frozen=True)
class ArithmeticOptions:
    """Options of ADD, SUB, MUL and DIV: `activation` the fused clamp."""

    activation: str = "NONE"


def parse_activation(table: Table, _operands: Operands) -> ArithmeticOptions:
    """The options of SUB, MUL and DIV."""
    return ArithmeticOptions(activation_name(table, ARITHMETIC_OPTIONS.activation))


def inspect_shapes(inspection: Inspection, count: int = 2) -> bool:
    """`count` operands, not all constant, whose shapes broadcast to the output's."""
    if not inspection.arity(count, count):
        return False
    tensors = [t for t in inspection.inputs if t is not None]
    ranks = max(len(t.shape) for t in tensors)
    if not inspection.require(ranks <= LARGEST_RANK, f"it has {ranks} dimensions", f"Use at most {LARGEST_RANK}"):
        return False
    if not inspection.require(
        not all(t.is_constant for t in tensors), "all its operands are constant", "Fold them into one"
    ):
        return False
    try:
        shape = np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError:
        shapes = " and ".join(str(t.shape) for t in tensors)
        return inspection.require(False, f"shapes {shapes} do not broadcast")
    return inspection.shape(inspection.output, shape)


def operands(inspection: Inspection) -> tuple[Tensor, Tensor, Tensor]:
    """First operand, second operand and output; check `inspect_shapes` first."""
    a, b = inspection.inputs[:2]
    assert a is not None and b is not None
    return a, b, inspection.output


def inspect_arithmetic(inspection: Inspection, *types: str, activation: str = "NONE") -> bool:
    """Two operands and an output of one of `types`, quantized as that type needs, with a fused clamp."""
    if not inspect_shapes(inspection):
        return False
    a, b, y = operands(inspection)
    if not inspection.dtype(y, *types) or not inspection.dtype(a, y.dtype) or not inspection.dtype(b, y.dtype):
        return False
    if y.dtype in QUANTIZED:
        return (
            inspection.per_tensor(a, b, y)
            and inspection.activation(activation)
            and (y.dtype == "int8" or zero_points_are_zero(inspection, a, b, y))
        )
    plain = y.dtype == "float32" or all(t.quantization is None for t in (a, b))
    return inspection.require(
        plain, f"its {y.dtype} operands are quantized, which TFLM refuses", QUANTIZE_FIRST
    ) and inspection.require(activation in ACTIVATIONS, f"the fused activation {activation} is not a clamp")


def zero_points_are_zero(inspection: Inspection, *tensors: Tensor) -> bool:
    """The tensors are quantized symmetrically, as 16-bit activations are."""
    return inspection.require(
        all(t.quantization is not None and t.quantization.zero_point == 0 for t in tensors),
        "its 16-bit tensors have zero points other than 0",
        "Convert again: the converter's own 16-bit activations are symmetric",
    )
