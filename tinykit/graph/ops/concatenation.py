"""CONCATENATION along any axis, int8 inputs quantized like the output. TFLM takes up to ten inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import QUANTIZE_FIRST, Definition, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import Tensor
from tinykit.graph.moving import counts, given, most_dimensions, moves_type, positive_axis
from tinykit.graph.names import shown
from tinykit.graph.schema import CONCATENATION_OPTIONS, OPTIONS

TYPES = ("int8", "int16", "int32", "int64", "float32", "bool")
MOST_INPUTS = 1024
LARGEST_RANK = 6


@dataclass(frozen=True)
class ConcatenationOptions:
    """Options of CONCATENATION.

    Attributes: `axis` from the front; None where it is outside the output. `activation` the fused clamp, which TFLM
    does not take.
    """

    axis: int | None
    activation: str = "NONE"


def parse(table: Table, operands: Operands) -> ConcatenationOptions:
    rank = len(operands.outputs[0].shape) if operands.outputs else 0
    axis = positive_axis(table.integer(CONCATENATION_OPTIONS.axis, "i"), rank)
    return ConcatenationOptions(axis, activation_name(table, CONCATENATION_OPTIONS.activation))


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (1, MOST_INPUTS)):
        return
    y, options = inspection.output, inspection.options
    parts = [given(inspection, k) for k in range(len(inspection.inputs))]
    if not (moves_type(inspection, y, *parts, types=TYPES) and most_dimensions(inspection, y, LARGEST_RANK, 1)):
        return
    inspection.require(
        options.activation == "NONE",
        f"TFLM has no fused {options.activation} here",
        "Put the activation into a layer of its own",
    )
    if not inspection.require(options.axis is not None, f"its axis is outside {y.shape}"):
        return
    axis = options.axis
    beside = (*y.shape[:axis], *y.shape[axis + 1 :])
    for part in parts:
        inspection.require(
            len(part.shape) == len(y.shape) and (*part.shape[:axis], *part.shape[axis + 1 :]) == beside,
            f"'{shown(part.name)}' of shape {part.shape} is no part of {y.shape} along axis {axis}",
        )
        inspection.require(
            _quantized_alike(part, y),
            f"'{shown(part.name)}' is quantized unlike its output, which TFLM refuses",
            QUANTIZE_FIRST,
        )
    if not inspection.found:
        total = sum(part.shape[axis] for part in parts)
        inspection.require(total == y.shape[axis], f"its inputs make {total} along axis {axis} of {y.shape}")


def _quantized_alike(part: Tensor, y: Tensor) -> bool:
    a, b = part.quantization, y.quantization
    if y.dtype == "int8":
        return (a is None and b is None) or (
            a is not None and b is not None and a.scale == b.scale and a.zero_point == b.zero_point
        )
    if y.dtype == "int16":
        return all(q is None or q.zero_point == 0 for q in (a, b))
    return True


def moves(
    options: ConcatenationOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each input into its part of the output."""
    assert options.axis is not None
    ahead = (slice(None),) * options.axis
    start = 0
    for x in inputs:
        end = start + x.shape[options.axis]
        yield outputs[0][(*ahead, slice(start, end))], x
        start = end


DEFINITION = Definition("CONCATENATION", OPTIONS.CONCATENATION, parse, inspect, moves)
