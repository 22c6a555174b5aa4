"""TRANSPOSE_CONV: output shape (4,), weights (out, kh, kw, in), input (n, h, w, in), bias (out,)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import (
    bias_values,
    inspect_activations,
    inspect_bias,
    inspect_float,
    inspect_sums,
    inspect_weights,
)
from tinykit.graph.definition import Definition, Inspection, Operands, activation_name, padding_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.schema import OPTIONS, PADDINGS
from tinykit.graph.schema import TRANSPOSE_CONV_OPTIONS as FIELD
from tinykit.graph.window import LARGEST, Axis, resolve


@dataclass(frozen=True)
class TransposeConvOptions:
    """Options of TRANSPOSE_CONV.

    Attributes: `vertical`, `horizontal` the steps from one input value's window to the next in the output, and the
    padding, which is that of the convolution from output to input; `activation` the fused clamp; `padding` as the file
    names it.
    """

    vertical: Axis
    horizontal: Axis
    activation: str = "NONE"
    padding: str = "VALID"


def parse(table: Table, operands: Operands) -> TransposeConvOptions:
    padding = padding_name(table, FIELD.padding)
    y, weights = operands.outputs[0].shape if operands.outputs else (), operands.shape(1)
    known = len(y) == 4 and len(weights) == 4
    (height, width), (kernel_height, kernel_width) = (y[1:3], weights[1:3]) if known else ((0, 0), (0, 0))
    return TransposeConvOptions(
        resolve(padding, table.integer(FIELD.stride_h, "i"), 1, height, kernel_height),
        resolve(padding, table.integer(FIELD.stride_w, "i"), 1, width, kernel_width),
        activation_name(table, FIELD.activation),
        padding,
    )


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(3, 4):
        return
    weights, x, bias, y = inspection.inputs[1], inspection.inputs[2], inspection.optional(3), inspection.output
    options: TransposeConvOptions = inspection.options
    assert weights is not None and x is not None
    is_float = inspection.computes_in_float(x, weights, y)
    if not is_float and not inspect_activations(inspection, x, y):
        return
    if not (inspection.rank(x, 4) and inspection.rank(weights, 4) and inspection.rank(y, 4)):
        return
    if is_float:
        if inspect_float(inspection, weights, bias, weights.shape[0]):
            _shapes(inspection, x, weights)
        return
    if not (inspect_weights(inspection, weights, 0) and inspection.activation(options.activation)):
        return
    if not (
        _shapes(inspection, x, weights)
        and inspect_bias(inspection, bias, weights.shape[0], *(("int64", "int16") if x.dtype == "int16" else ()))
    ):
        return
    assert x.quantization and y.quantization and weights.quantization and weights.data is not None
    reals = x.quantization.scale * weights.quantization.scales.astype(float) / y.quantization.scale
    rows = weights.data.reshape(weights.shape[0], -1)
    is_wide = x.dtype == "int16"
    # A tap that no input value reaches adds nothing, like one whose input is at the zero point.
    inspect_sums(inspection, rows.astype(np.int16), bias_values(bias, weights.shape[0]), reals, x=x, is_wide=is_wide)


def _shapes(inspection: Inspection, x: Tensor, weights: Tensor) -> bool:
    options, y = inspection.options, inspection.output
    return (
        inspection.require(options.padding in PADDINGS, f"its padding is {options.padding}")
        and inspection.require(
            all(1 <= axis.stride <= LARGEST for axis in (options.vertical, options.horizontal)),
            f"strides {options.vertical.stride} and {options.horizontal.stride} make no sense",
        )
        and inspection.require(
            (x.shape[0], x.shape[3], weights.shape[0]) == (y.shape[0], weights.shape[3], y.shape[3]),
            f"weights of shape {weights.shape} do not take {x.shape} to {y.shape}",
        )
    )


DEFINITION = Definition("TRANSPOSE_CONV", OPTIONS.TRANSPOSE_CONV, parse, inspect)
