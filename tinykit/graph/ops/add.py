"""ADD of two tensors, broadcast as numpy does, with a fused clamp; one operand may be constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.arithmetic import ADD_LEFT_SHIFT
from tinykit.graph.definition import Definition, Inspection, Operands, activation_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import ADD_OPTIONS, OPTIONS

LARGEST_RANK = 6
"""TFLM broadcasts up to six dimensions."""


@dataclass(frozen=True)
class AddOptions:
    """Options of ADD: `activation` the fused clamp."""

    activation: str = "NONE"


def parse(table: Table, _operands: Operands) -> AddOptions:
    return AddOptions(activation_name(table, ADD_OPTIONS.activation))


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(2, 2):
        return
    a, b, y = inspection.inputs[0], inspection.inputs[1], inspection.output
    assert a is not None and b is not None
    if not inspection.int8(a, b, y):
        return
    if not inspection.activation(inspection.options.activation):
        return
    ranks = max(len(a.shape), len(b.shape))
    if not inspection.require(ranks <= LARGEST_RANK, f"it has {ranks} dimensions", f"Use at most {LARGEST_RANK}"):
        return
    inspection.require(not (a.is_constant and b.is_constant), "both its operands are constant", "Fold them into one")
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        inspection.require(False, f"shapes {a.shape} and {b.shape} do not broadcast")
        return
    inspection.shape(y, shape)
    assert a.quantization and b.quantization and y.quantization
    twice = 2 * max(a.quantization.scale, b.quantization.scale)
    inspection.require(
        0 < twice / ((1 << ADD_LEFT_SHIFT) * y.quantization.scale) < 1
        and min(a.quantization.scale, b.quantization.scale) / twice > 2.0**-31,
        "its scales are too far apart for TFLM",
        "Quantize again with data like the real input",
    )


DEFINITION = Definition("ADD", OPTIONS.ADD, parse, inspect)
