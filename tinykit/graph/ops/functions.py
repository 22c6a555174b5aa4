"""Functions of one tensor, value by value, without options of their own.

TFLM computes all of them in float32; ABS, RSQRT, ELU, HARD_SWISH and TANH in int8 too, RSQRT in int16. EXP, LOG and
SQRT in int8, which TFLM lacks, are what TFLite computes (SQRT from 2.21 on).
"""

from __future__ import annotations

import math

from tinykit.graph.arithmetic import LARGEST_SHIFT, quantize_multiplier
from tinykit.graph.broadcast import zero_points_are_zero
from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.sigmoid import inspect_int16

FLOAT_FUNCTIONS = (
    *("ABS", "NEG", "SQRT", "RSQRT", "EXP", "LOG", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND"),
    *("RELU", "RELU6", "LEAKY_RELU", "ELU", "HARD_SWISH", "TANH", "LOGISTIC"),
)
"""Operators that exist in float32, in the order of `kernels/functions.h`."""

INTEGER_TYPES = {
    "ABS": ("int8", "int16"),
    "RSQRT": ("int8", "int16"),
    "SQRT": ("int8",),
    "EXP": ("int8",),
    "LOG": ("int8",),
    "ELU": ("int8",),
    "TANH": ("int8",),
}
"""Quantized types of those that are defined here."""

RSQRT_BITS = 20
"""Bits that keep TFLM's inverse root an integer."""

DEFINED = ("ABS", "NEG", "SQRT", "RSQRT", "EXP", "LOG", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND", "ELU", "TANH")


def inspect_function(inspection: Inspection, *types: str) -> bool:
    """One input and an output of its shape and type, one of `types`; integers are quantized as a whole.

    Factors from input to output that are too large for TFLM's arithmetic are refused.
    """
    if not inspection.arity(1, 1):
        return False
    x, y = inspection.input, inspection.output
    if not (inspection.dtype(x, *types) and inspection.dtype(y, x.dtype) and inspection.shape(y, x.shape)):
        return False
    if x.dtype == "float32":
        return True
    if not inspection.per_tensor(x, y):
        return False
    assert x.quantization and y.quantization
    largest = 255 if x.dtype == "int8" else 1 << 15
    ratio = x.quantization.scale / y.quantization.scale
    return (x.dtype == "int8" or zero_points_are_zero(inspection, x, y)) and inspection.requantizes(
        -largest, largest, ratio
    )


def inspect(inspection: Inspection) -> None:
    op = inspection.operator.op
    if op == "TANH" and inspection.inputs and inspection.inputs[0] and inspection.inputs[0].dtype == "int16":
        inspect_int16(inspection)
        return
    if not inspect_function(inspection, *INTEGER_TYPES.get(op, ()), "float32"):
        return
    if op == "TANH":
        inspect_tanh(inspection)
    if op == "RSQRT" and inspection.input.dtype != "float32":
        _inspect_rsqrt(inspection)


def _inspect_rsqrt(inspection: Inspection) -> None:
    """Scales whose shift TFLM's arithmetic of 32 bits can do, to the left and to the right."""
    x, y = inspection.input.quantization, inspection.output.quantization
    assert x and y
    real = 1 / (math.sqrt(x.scale) * y.scale)
    inspection.require(
        quantize_multiplier(real)[1] >= RSQRT_BITS - LARGEST_SHIFT,
        f"its scales, {x.scale:.3g} and {y.scale:.3g}, leave nothing of an inverse root",
        "Quantize again with data like the real input",
    )
    inspection.requantizes(0, 1 << RSQRT_BITS, real / (1 << RSQRT_BITS))


SMALLEST_TANH_SCALE, LARGEST_TANH_SCALE = 2.0**-26, 8.0
"""Input scales whose shift stays within 0 to 31 in TFLM's fixed point (scale * 2**27)."""


def inspect_tanh(inspection: Inspection) -> None:
    """The scale of an int8 TANH is one that TFLM's fixed point holds."""
    x = inspection.input
    if x.dtype == "int8":
        assert x.quantization
        inspection.require(
            SMALLEST_TANH_SCALE <= x.quantization.scale <= LARGEST_TANH_SCALE,
            f"its input scale {x.quantization.scale:.6g} is out of range",
            "Quantize again with data like the real input",
        )


DEFINITIONS = tuple(Definition(op, None, no_options, inspect) for op in DEFINED)
