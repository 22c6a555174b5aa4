"""EMBEDDING_LOOKUP: rows of a table picked by number; int8 rows may come out as float32."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.moving import counts, given, indices_inside

PAIRS = (("int8", "int8"), ("float32", "float32"), ("int8", "float32"))


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    indices, rows, y = given(inspection, 0), given(inspection, 1), inspection.output
    if not (inspection.dtype(indices, "int32") and inspection.rank(indices, 1)):
        return
    if not inspection.require((rows.dtype, y.dtype) in PAIRS, f"TFLM takes no {rows.dtype} rows to {y.dtype}"):
        return
    if (rows.dtype, y.dtype) == ("int8", "float32") and inspection.per_tensor(rows):
        zero = rows.quantization is None or rows.quantization.zero_point == 0
        inspection.require(zero, "its rows have a zero point other than 0, which TFLM refuses")
    if inspection.require(len(rows.shape) >= 2, f"its rows {rows.shape} are no table"):
        inspection.shape(y, (indices.shape[0], *rows.shape[1:]))
        indices_inside(inspection, indices, rows.shape[0])


DEFINITION = Definition("EMBEDDING_LOOKUP", None, no_options, inspect)
