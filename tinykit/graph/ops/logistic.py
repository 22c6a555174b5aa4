"""LOGISTIC of int8, int16 and float32.

Of an int8 output TFLM checks only the zero point; it computes as if the scale were 1/256.
"""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.sigmoid import inspect_int16

OUTPUT_ZERO_POINT = -128

SMALLEST_SCALE, LARGEST_SCALE = 2.0**-26, 8.0
"""Input scales whose shift stays within 0 to 31 in TFLM's fixed point (scale * 2**27)."""


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    if x.dtype == y.dtype == "float32":
        inspection.shape(y, x.shape)
        return
    if x.dtype == "int16":
        inspect_int16(inspection)
        return
    if not inspection.int8(x, y):
        return
    assert x.quantization and y.quantization
    inspection.shape(y, x.shape)
    inspection.require(
        y.quantization.zero_point == OUTPUT_ZERO_POINT, "its output must have zero point -128, as TFLM demands"
    )
    inspection.require(
        SMALLEST_SCALE <= x.quantization.scale <= LARGEST_SCALE,
        f"its input scale {x.quantization.scale:.6g} is out of range",
        "Quantize again with data like the real input",
    )


DEFINITION = Definition("LOGISTIC", None, no_options, inspect)
