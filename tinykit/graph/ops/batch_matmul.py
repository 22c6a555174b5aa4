"""BATCH_MATMUL: matrices (..., n, k) times (..., k, m), either of them transposed or constant; batches broadcast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import LARGEST_WIDE_SHIFT, inspect_activations
from tinykit.graph.arithmetic import INTEGER_RANGES, fully_connected_multiplier, short_multiplier
from tinykit.graph.broadcast import zero_points_are_zero
from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.schema import BATCH_MATMUL_OPTIONS as FIELD
from tinykit.graph.schema import OPTIONS

LEAST_RANK, MOST_RANK = 2, 5


@dataclass(frozen=True)
class BatchMatmulOptions:
    """Options of BATCH_MATMUL: whether the matrices of the first and of the second input are transposed."""

    adj_x: bool = False
    adj_y: bool = False


def parse(table: Table, _operands: Operands) -> BatchMatmulOptions:
    return BatchMatmulOptions(table.flag(FIELD.adj_x), table.flag(FIELD.adj_y))


def matrix(tensor: Tensor, is_transposed: bool) -> tuple[int, int]:
    """Rows and columns of each matrix, transposed if it is."""
    rows, columns = tensor.shape[-2:]
    return (columns, rows) if is_transposed else (rows, columns)


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(2, 2):
        return
    a, b, y = inspection.input, inspection.inputs[1], inspection.output
    options: BatchMatmulOptions = inspection.options
    assert b is not None
    if inspection.computes_in_float(a, b, y):
        _shapes(inspection, a, b)
        return
    if not (inspect_activations(inspection, a, y) and inspection.dtype(b, a.dtype) and inspection.per_tensor(b)):
        return
    if a.dtype == "int16" and not zero_points_are_zero(inspection, b):
        return
    if _shapes(inspection, a, b):
        _inspect_sums(inspection, a, b, matrix(a, options.adj_x)[1])


def _shapes(inspection: Inspection, a: Tensor, b: Tensor) -> bool:
    options: BatchMatmulOptions = inspection.options
    if not inspection.require(
        all(LEAST_RANK <= len(t.shape) <= MOST_RANK for t in (a, b)),
        f"its operands have {len(a.shape)} and {len(b.shape)} dimensions where {LEAST_RANK} to {MOST_RANK} belong",
    ):
        return False
    (rows, depth), (other, columns) = matrix(a, options.adj_x), matrix(b, options.adj_y)
    try:
        batches = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return inspection.require(False, f"batches of shape {a.shape[:-2]} and {b.shape[:-2]} do not go together")
    return inspection.require(depth == other, f"{depth} columns meet {other} rows") and inspection.shape(
        inspection.output, (*batches, rows, columns)
    )


def _inspect_sums(inspection: Inspection, a: Tensor, b: Tensor, depth: int) -> None:
    y = inspection.output
    assert a.quantization and b.quantization and y.quantization
    ends = [
        max(abs(limit - t.quantization.zero_point) for limit in INTEGER_RANGES[t.dtype])
        for t in (a, b)
        if t.quantization
    ]
    largest = ends[0] * ends[1] * depth
    if a.dtype == "int8":
        inspection.requantizes(-largest, largest, a.quantization.scale * b.quantization.scale / y.quantization.scale)
        return
    multiplier, shift = fully_connected_multiplier(a.quantization.scale, b.quantization.scale, y.quantization.scale)
    scaled = largest * short_multiplier(multiplier) >> (15 - min(shift, LARGEST_WIDE_SHIFT))
    inspection.require(
        shift <= LARGEST_WIDE_SHIFT and largest < 1 << 47 and scaled < (1 << 31) - 1,
        "its sums can overflow TFLM's 48 bits, or its scaled sums 32",
        "Use smaller matrices, or quantize again with data like the real input",
    )


DEFINITION = Definition("BATCH_MATMUL", OPTIONS.BATCH_MATMUL, parse, inspect)
