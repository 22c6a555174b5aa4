"""DEPTHWISE_CONV_2D: input (n, h, w, c), weights (1, kh, kw, c * multiplier), bias (c * multiplier,).

Output channel `i * multiplier + m` reads input channel `i`.
"""

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
from tinykit.graph.schema import DEPTHWISE_CONV_2D_OPTIONS as FIELD
from tinykit.graph.schema import OPTIONS, PADDINGS
from tinykit.graph.window import EXPLICIT, Axis, inspect_axis, resolve


@dataclass(frozen=True)
class DepthwiseConv2DOptions:
    """Options of DEPTHWISE_CONV_2D.

    Attributes: `vertical`, `horizontal` the window's steps and padding; `multiplier` output channels for each input
    channel; `activation` the fused clamp; `padding` as the file names it, or EXPLICIT.
    """

    vertical: Axis
    horizontal: Axis
    multiplier: int = 1
    activation: str = "NONE"
    padding: str = "VALID"


def parse(table: Table, operands: Operands) -> DepthwiseConv2DOptions:
    padding = padding_name(table, FIELD.padding)
    x, weights = operands.shape(0), operands.shape(1)
    known = len(x) == 4 and len(weights) == 4
    height, width = x[1:3] if known else (0, 0)
    kernel_height, kernel_width = weights[1:3] if known else (0, 0)
    return DepthwiseConv2DOptions(
        resolve(
            padding, table.integer(FIELD.stride_h, "i"), table.integer(FIELD.dilation_h, "i", 1), height, kernel_height
        ),
        resolve(
            padding, table.integer(FIELD.stride_w, "i"), table.integer(FIELD.dilation_w, "i", 1), width, kernel_width
        ),
        table.integer(FIELD.depth_multiplier, "i"),
        activation_name(table, FIELD.activation),
        padding,
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
        if inspect_float(inspection, weights, bias, weights.shape[3]):
            _shapes(inspection, x.shape, weights.shape, y.shape)
        return
    if not (inspect_weights(inspection, weights, 3) and inspection.activation(inspection.options.activation)):
        return
    bias_type = "int64" if x.dtype == "int16" else "int32"
    if _shapes(inspection, x.shape, weights.shape, y.shape) and inspect_bias(
        inspection, bias, weights.shape[3], bias_type
    ):
        assert x.quantization and y.quantization and weights.quantization and weights.data is not None
        reals = x.quantization.scale * weights.quantization.scales.astype(float) / y.quantization.scale
        rows = weights.data.reshape(-1, weights.shape[3]).T
        values = bias_values(bias, weights.shape[3])
        inspect_sums(inspection, rows, values, reals, is_wide=has_wide_sums(x, bias))


def _shapes(inspection: Inspection, x: tuple[int, ...], weights: tuple[int, ...], y: tuple[int, ...]) -> bool:
    options: DepthwiseConv2DOptions = inspection.options
    return (
        inspection.require(options.padding in (*PADDINGS, EXPLICIT), f"its padding is {options.padding}")
        and inspection.require(weights[0] == 1, f"its weights' first dimension is {weights[0]}, not 1")
        and inspection.require(
            weights[3] == x[3] * options.multiplier,
            f"its depth multiplier {options.multiplier} does not take {x[3]} input to {weights[3]} output channels",
        )
        and inspection.require(y[0] == x[0], f"its batch changes from {x[0]} to {y[0]}")
        and inspection.require(y[3] == weights[3], f"it has {weights[3]} filters for {y[3]} output channels")
        and inspect_axis(inspection, options.vertical, "height", (x[1], weights[1], y[1]))
        and inspect_axis(inspection, options.horizontal, "width", (x[2], weights[2], y[2]))
    )


DEFINITION = Definition("DEPTHWISE_CONV_2D", OPTIONS.DEPTHWISE_CONV_2D, parse, inspect)
