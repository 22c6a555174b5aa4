"""LOG_SOFTMAX over the last axis."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options

OUTPUT_SCALE, OUTPUT_ZERO_POINT = 16 / 256, 127

LARGEST_DEPTH = 4095
"""TFLM adds exponentials with 12 integer bits; more equal values than this overflow them."""

SMALLEST_SCALE, LARGEST_SCALE = 2.0**-24, 16.0
"""Input scales for which TFLM's fixed point holds a step and its reciprocal."""


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    if not (inspection.dtype(x, "int8", "float32") and inspection.dtype(y, x.dtype) and inspection.shape(y, x.shape)):
        return
    if not inspection.require(len(x.shape) >= 1, "its input has no dimensions") or x.dtype == "float32":
        return
    if not inspection.per_tensor(x, y):
        return
    assert x.quantization and y.quantization
    inspection.require(
        y.quantization.scale == OUTPUT_SCALE and y.quantization.zero_point == OUTPUT_ZERO_POINT,
        f"its output must have scale {OUTPUT_SCALE} and zero point {OUTPUT_ZERO_POINT}, as TFLM demands",
    )
    inspection.require(
        SMALLEST_SCALE < x.quantization.scale < LARGEST_SCALE,
        f"its input scale {x.quantization.scale:.6g} is out of range",
        "Quantize again with data like the real input",
    )
    inspection.require(
        x.shape[-1] <= LARGEST_DEPTH,
        f"its rows of {x.shape[-1]} values overflow TFLM's sum",
        f"Use at most {LARGEST_DEPTH} classes",
    )


DEFINITION = Definition("LOG_SOFTMAX", None, no_options, inspect)
