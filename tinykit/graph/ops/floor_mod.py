"""FLOOR_MOD of two float32 tensors, broadcast as numpy does: the remainder that has the divisor's sign."""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_arithmetic, operands
from tinykit.graph.definition import Definition, Inspection, no_options

MOST_BROADCAST = 4
"""Dimensions in which TFLM broadcasts here."""


def inspect(inspection: Inspection) -> None:
    if not inspect_arithmetic(inspection, "float32"):
        return
    a, b, y = operands(inspection)
    inspection.require(
        a.shape == b.shape or len(y.shape) <= MOST_BROADCAST,
        f"its operands broadcast in {len(y.shape)} dimensions, TFLM's in {MOST_BROADCAST}",
        f"Use at most {MOST_BROADCAST} dimensions",
    )


DEFINITION = Definition("FLOOR_MOD", None, no_options, inspect)
