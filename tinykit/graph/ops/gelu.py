"""GELU in int8, as TFLite computes it; TFLM has none."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.ops.functions import inspect_function
from tinykit.graph.schema import GELU_OPTIONS, OPTIONS


@dataclass(frozen=True)
class GeluOptions:
    """Options of GELU: `approximate` whether by tanh."""

    approximate: bool


def parse(table: Table, _operands: Operands) -> GeluOptions:
    return GeluOptions(table.flag(GELU_OPTIONS.approximate))


def inspect(inspection: Inspection) -> None:
    inspect_function(inspection, "int8")


DEFINITION = Definition("GELU", OPTIONS.GELU, parse, inspect)
