"""RESIZE_BILINEAR of images; the new height and width are a constant input."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, moves_type, numbers
from tinykit.graph.schema import OPTIONS, RESIZE_BILINEAR_OPTIONS

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class ResizeOptions:
    """Options of RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.

    Attributes: `size` height and width, None where the file does not fix them; `align_corners` whether the outermost
    pixels' centres stay; `half_pixel_centers` whether a pixel's centre is half a pixel from its corner.
    """

    size: tuple[int, int] | None
    align_corners: bool
    half_pixel_centers: bool


def read_size(operands: Operands) -> tuple[int, int] | None:
    """The new height and width."""
    size = numbers(operands, 1)
    return (size[0], size[1]) if size is not None and len(size) == 2 and min(size) >= 1 else None


def parse(table: Table, operands: Operands) -> ResizeOptions:
    at = RESIZE_BILINEAR_OPTIONS
    return ResizeOptions(read_size(operands), table.flag(at.align_corners), table.flag(at.half_pixel_centers))


def inspect(inspection: Inspection) -> None:
    if inspect_resize(inspection, TYPES):
        options = inspection.options
        inspection.require(
            not (options.align_corners and options.half_pixel_centers),
            "it asks for aligned corners and half-pixel centres at once",
        )


def inspect_resize(inspection: Inspection, types: tuple[str, ...]) -> bool:
    """What both ways of resizing ask for."""
    if not counts(inspection, (2, 2)):
        return False
    x, y, size = inspection.input, inspection.output, inspection.options.size
    if not (moves_type(inspection, x, y, types=types) and inspection.rank(x, 4) and fixed(inspection, 1, "size")):
        return False
    return inspection.require(size is not None, "its size is not a height and a width") and inspection.shape(
        y, (x.shape[0], *size, x.shape[3])
    )


DEFINITION = Definition("RESIZE_BILINEAR", OPTIONS.RESIZE_BILINEAR, parse, inspect)
