"""BUCKETIZE: how many of ascending boundaries a value reaches. TFLM lacks it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import BUCKETIZE_OPTIONS, OPTIONS

LARGEST_COUNT = 1 << 16


@dataclass(frozen=True)
class BucketizeOptions:
    """Options of BUCKETIZE: its `boundaries`, float32."""

    boundaries: tuple[float, ...]


def parse(table: Table, _operands: Operands) -> BucketizeOptions:
    return BucketizeOptions(tuple(table.numbers(BUCKETIZE_OPTIONS.boundaries, "<f4").tolist()))


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y, boundaries = inspection.input, inspection.output, np.array(inspection.options.boundaries, np.float32)
    if inspection.dtype(x, "float32", "int32") and inspection.dtype(y, "int32") and inspection.shape(y, x.shape):
        inspection.require(
            0 < len(boundaries) <= LARGEST_COUNT
            and not np.isnan(boundaries).any()
            and bool(np.all(boundaries[:-1] <= boundaries[1:])),
            "its boundaries do not ascend, or there are none",
        )


DEFINITION = Definition("BUCKETIZE", OPTIONS.BUCKETIZE, parse, inspect)
