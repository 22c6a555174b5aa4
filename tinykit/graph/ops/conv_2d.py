"""CONV_2D: input (n, h, w, c), weights (out, kh, kw, c / groups), bias (out,)."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.accumulator import (
    bias_values,
    has_wide_sums,
    inspect_activations,
    inspect_bias,
    inspect_float,
    inspect_sums,
    inspect_weights,
)
from tinykit.graph.definition import Definition, Inspection, Operands, activation_name, padding_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import CONV_2D_OPTIONS as FIELD
from tinykit.graph.schema import OPTIONS, PADDINGS, TENSOR_TYPES
from tinykit.graph.window import EXPLICIT, Axis, inspect_axis, resolve


@dataclass(frozen=True)
class Conv2DOptions:
    """Options of CONV_2D.

    Attributes: `vertical`, `horizontal` the window's steps and padding; `activation` the fused clamp; `groups`
    into how many independent parts the channels fall; `padding` as the file names it, or EXPLICIT; `is_32_bit` whether
    sums of int16 values without a bias have 32 bits.
    """

    vertical: Axis
    horizontal: Axis
    activation: str = "NONE"
    groups: int = 1
    padding: str = "VALID"
    is_32_bit: bool = False


def parse(table: Table, operands: Operands) -> Conv2DOptions:
    padding = padding_name(table, FIELD.padding)
    x, weights = operands.shape(0), operands.shape(1)
    known = len(x) == 4 and len(weights) == 4
    height, width, channels = x[1:] if known else (0, 0, 1)
    kernel_height, kernel_width, depth = weights[1:] if known else (0, 0, 1)
    return Conv2DOptions(
        resolve(
            padding, table.integer(FIELD.stride_h, "i"), table.integer(FIELD.dilation_h, "i", 1), height, kernel_height
        ),
        resolve(
            padding, table.integer(FIELD.stride_w, "i"), table.integer(FIELD.dilation_w, "i", 1), width, kernel_width
        ),
        activation_name(table, FIELD.activation),
        max(channels // depth, 1),
        padding,
        table.integer(FIELD.bias_type, "b") == TENSOR_TYPES.index("int32"),
    )


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(2, 3):
        return
    x, weights, bias, y = inspection.input, inspection.inputs[1], inspection.optional(2), inspection.output
    assert weights is not None
    is_float = inspection.computes_in_float(x, weights, y)
    if not is_float and not inspect_activations(inspection, x, y):
        return
    if not (inspection.rank(x, 4) and inspection.rank(weights, 4) and inspection.rank(y, 4)):
        return
    if is_float:
        if inspect_float(inspection, weights, bias, weights.shape[0]):
            _shapes(inspection, x.shape, weights.shape, y.shape)
        return
    if not (inspect_weights(inspection, weights, 0) and inspection.activation(inspection.options.activation)):
        return
    types = ("int32", "int64") if x.dtype == "int16" else ("int32",)
    if _shapes(inspection, x.shape, weights.shape, y.shape) and inspect_bias(
        inspection, bias, weights.shape[0], *types
    ):
        assert x.quantization and y.quantization and weights.quantization and weights.data is not None
        reals = x.quantization.scale * weights.quantization.scales.astype(float) / y.quantization.scale
        rows = weights.data.reshape(weights.shape[0], -1)
        is_wide = has_wide_sums(x, bias, is_32_bit=inspection.options.is_32_bit)
        inspect_sums(inspection, rows, bias_values(bias, weights.shape[0]), reals, is_wide=is_wide)


def _shapes(inspection: Inspection, x: tuple[int, ...], weights: tuple[int, ...], y: tuple[int, ...]) -> bool:
    options: Conv2DOptions = inspection.options
    groups = options.groups
    return (
        inspection.require(options.padding in (*PADDINGS, EXPLICIT), f"its padding is {options.padding}")
        and inspection.require(
            x[3] == groups * weights[3] and weights[0] % groups == 0,
            f"{x[3]} input channels and {weights[0]} filters of depth {weights[3]} do not divide into groups",
        )
        and inspection.require(y[0] == x[0], f"its batch changes from {x[0]} to {y[0]}")
        and inspection.require(y[3] == weights[0], f"it has {weights[0]} filters for {y[3]} output channels")
        and inspect_axis(inspection, options.vertical, "height", (x[1], weights[1], y[1]))
        and inspect_axis(inspection, options.horizontal, "width", (x[2], weights[2], y[2]))
    )


DEFINITION = Definition("CONV_2D", OPTIONS.CONV_2D, parse, inspect)
