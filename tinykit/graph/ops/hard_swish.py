"""HARD_SWISH: x * min(6, max(0, x + 3)) / 6."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.ops.functions import inspect_function

LARGEST_RATIO = 128.0
"""Of input scale to output scale; beyond it TFLM would have to shift its 16-bit results to the left."""

SMALLEST_SCALE, SMALLEST_RATIO = 2.0**-20, 2.0**-7
"""Below them TFLM shifts 16-bit values by more than 15 bits."""


def inspect(inspection: Inspection) -> None:
    if not inspect_function(inspection, "int8", "float32"):
        return
    x, y = inspection.input.quantization, inspection.output.quantization
    if inspection.input.dtype == "int8" and x and y:
        inspection.require(
            SMALLEST_RATIO < x.scale / y.scale < LARGEST_RATIO and SMALLEST_SCALE < x.scale < 1 << 10,
            "its scales are too far apart for TFLM",
            "Quantize again with data like the real input",
        )


DEFINITION = Definition("HARD_SWISH", None, no_options, inspect)
