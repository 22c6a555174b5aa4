"""RELU, RELU6 and RELU_N1_TO_1 as operators of their own.

RELU requantizes from input to output; RELU6 only clamps, in the input's units, whatever its output's quantization is.
RELU_N1_TO_1, which TFLM lacks, is what TFLite computes.
"""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.ops.functions import inspect_function


def inspect_relu(inspection: Inspection) -> None:
    inspect_function(inspection, "int8", "int16", "float32")


def inspect_relu_n1_to_1(inspection: Inspection) -> None:
    inspect_function(inspection, "int8")


def inspect_relu6(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    if not (inspection.dtype(x, "int8", "int16", "float32") and inspection.dtype(y, x.dtype)):
        return
    if not inspection.shape(y, x.shape) or x.dtype == "float32" or not inspection.per_tensor(x, y):
        return
    assert x.quantization
    inspection.require(
        6 / x.quantization.scale < 1 << 30,
        "its input's scale is too small",
        "Quantize again with data like the real input",
    )


DEFINITIONS = (
    Definition("RELU", None, no_options, inspect_relu),
    Definition("RELU6", None, no_options, inspect_relu6),
    Definition("RELU_N1_TO_1", None, no_options, inspect_relu_n1_to_1),
)
