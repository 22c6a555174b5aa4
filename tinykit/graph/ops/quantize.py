"""QUANTIZE: float32 to int8, or from one integer quantization to another."""

from __future__ import annotations

from tinykit.graph.arithmetic import INTEGER_RANGES
from tinykit.graph.definition import Definition, Inspection, no_options

PAIRS = (
    ("float32", "int8"),
    ("float32", "int16"),
    ("int8", "int8"),
    ("int8", "uint8"),
    ("uint8", "int8"),
    ("int8", "int16"),
    ("int16", "int8"),
    ("int8", "int32"),
    ("int16", "int16"),
    ("int16", "int32"),
    ("int32", "int8"),
    ("int32", "int16"),
)
"""Input and output types that TFLM takes."""


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    if not inspection.require(
        (x.dtype, y.dtype) in PAIRS,
        f"it takes {x.dtype} to {y.dtype}",
        "Convert the model to full int8, or with float32 input and output",
    ):
        return
    inspection.shape(y, x.shape)
    if x.dtype == "float32":
        inspection.per_tensor(y)
    elif inspection.per_tensor(x, y):
        assert x.quantization and y.quantization
        wide = [t for t in (x, y) if t.dtype == "int32"]
        inspection.require(
            all(t.quantization is not None and t.quantization.zero_point == 0 for t in wide),
            "a 32-bit tensor has a zero point other than 0",
        )
        low, high = (limit - x.quantization.zero_point for limit in INTEGER_RANGES[x.dtype])
        inspection.requantizes(low, high, x.quantization.scale / y.quantization.scale)


DEFINITION = Definition("QUANTIZE", None, no_options, inspect)
