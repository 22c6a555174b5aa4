"""FULLY_CONNECTED: input of rows * depth values, weights (out, depth), bias (out,), output of rows * out values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import (
    bias_values,
    has_wide_sums,
    inspect_activations,
    inspect_bias,
    inspect_float,
    inspect_sums,
    inspect_weights,
)
from tinykit.graph.definition import Definition, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.schema import FULLY_CONNECTED_OPTIONS as FIELD
from tinykit.graph.schema import OPTIONS, TENSOR_TYPES

LARGEST_BIAS_MISMATCH = 0.02
"""TFLM refuses one-scale weights whose bias scale differs from input scale * weights scale by more than this part of
the output's scale (`GetQuantizedConvolutionMultipler` in TFLite's kernel_util.cc)."""


@dataclass(frozen=True)
class FullyConnectedOptions:
    """Options of FULLY_CONNECTED.

    Attributes: `activation` the fused clamp; `keep_num_dims` whether the output keeps the input's leading dimensions;
    `shuffled` whether the weights are in the layout for old phones; `is_32_bit` whether sums of int16 values without a
    bias have 32 bits.
    """

    activation: str = "NONE"
    keep_num_dims: bool = False
    shuffled: bool = False
    is_32_bit: bool = False


def parse(table: Table, _operands: Operands) -> FullyConnectedOptions:
    return FullyConnectedOptions(
        activation_name(table, FIELD.activation),
        table.flag(FIELD.keep_num_dims),
        table.integer(FIELD.weights_format, "b") != 0,
        table.integer(FIELD.bias_type, "b") == TENSOR_TYPES.index("int32"),
    )


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(2, 3):
        return
    x, weights, bias, y = inspection.input, inspection.inputs[1], inspection.optional(2), inspection.output
    assert weights is not None
    options: FullyConnectedOptions = inspection.options
    if inspection.computes_in_float(x, weights, y):
        if (
            inspection.rank(weights, 2)
            and inspect_float(inspection, weights, bias, weights.shape[0])
            and inspection.require(not options.shuffled, "its weights are in a shuffled layout", "Convert for int8")
        ):
            _shapes(inspection, weights)
        return
    if not inspect_activations(inspection, x, y):
        return
    if not (
        inspection.rank(weights, 2)
        and inspect_weights(inspection, weights, 0, zero_point_allowed=x.dtype == "int8")
        and inspection.activation(options.activation)
        and inspection.require(not options.shuffled, "its weights are in a shuffled layout", "Convert for int8")
    ):
        return
    units = weights.shape[0]
    assert weights.quantization is not None
    if not inspection.require(
        not weights.is_int4 or len(weights.quantization.scales) == 1,
        "its 4-bit weights have a scale for each output channel, which TFLM refuses",
        "Quantize them with one scale, or to 8 bits",
    ):
        return
    if not (
        _shapes(inspection, weights)
        and inspect_bias(inspection, bias, units, *(("int32", "int64") if x.dtype == "int16" else ()))
    ):
        return
    assert x.quantization and y.quantization and weights.quantization and weights.data is not None
    rows = weights.data.astype(np.int16) - np.int16(weights.quantization.zero_point)
    reals = x.quantization.scale * weights.quantization.scales.astype(float) / y.quantization.scale
    is_wide = has_wide_sums(x, bias, is_32_bit=options.is_32_bit)
    if inspect_sums(inspection, rows, bias_values(bias, units), reals, is_wide=is_wide) and len(reals) == 1:
        _bias_scale(inspection, bias, x.quantization.scale * weights.quantization.scale, y.quantization.scale)


def _shapes(inspection: Inspection, weights: Tensor) -> bool:
    x, y = inspection.input, inspection.output
    units, depth = weights.shape
    return inspection.require(
        x.elements % depth == 0, f"{x.elements} input values are no multiple of its depth {depth}"
    ) and inspection.require(
        len(y.shape) >= 1 and y.shape[-1] == units and y.elements == x.elements // depth * units,
        f"its output has shape {y.shape} where {x.elements // depth} rows of {units} follow",
    )


def _bias_scale(inspection: Inspection, bias: Tensor | None, product: float, output_scale: float) -> None:
    if bias is not None:
        scale = bias.quantization.scale if bias.quantization else 0.0
        inspection.require(
            abs(product - scale) / output_scale <= LARGEST_BIAS_MISMATCH,
            f"its bias scale {scale:.6g} is not input scale * weights scale {product:.6g}, and TFLM refuses that",
        )


DEFINITION = Definition("FULLY_CONNECTED", OPTIONS.FULLY_CONNECTED, parse, inspect)
