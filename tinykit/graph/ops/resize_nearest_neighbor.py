"""RESIZE_NEAREST_NEIGHBOR of images; the new height and width are a constant input."""

from __future__ import annotations

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.ops.resize_bilinear import ResizeOptions, inspect_resize, read_size
from tinykit.graph.schema import OPTIONS, RESIZE_NEAREST_NEIGHBOR_OPTIONS

TYPES = ("int8", "int16", "float32")


def parse(table: Table, operands: Operands) -> ResizeOptions:
    at = RESIZE_NEAREST_NEIGHBOR_OPTIONS
    return ResizeOptions(read_size(operands), table.flag(at.align_corners), table.flag(at.half_pixel_centers))


def inspect(inspection: Inspection) -> None:
    inspect_resize(inspection, TYPES)


DEFINITION = Definition("RESIZE_NEAREST_NEIGHBOR", OPTIONS.RESIZE_NEAREST_NEIGHBOR, parse, inspect)
