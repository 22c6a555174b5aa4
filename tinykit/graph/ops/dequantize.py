"""DEQUANTIZE: int8, uint8 or int16 to float32."""

from __future__ import annotations

from tinykit.graph.definition import QUANTIZE_FIRST, Definition, Inspection, no_options


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    if inspection.dtype(x, "int8", "uint8", "int16") and inspection.dtype(y, "float32"):
        inspection.per_tensor(x)
        inspection.shape(y, x.shape)
        inspection.require(
            not x.is_constant,
            "it turns constant weights back into floats, so the layer after it computes in float32",
            f"Its weights are not used as int8. {QUANTIZE_FIRST}",
        )


DEFINITION = Definition("DEQUANTIZE", None, no_options, inspect)
