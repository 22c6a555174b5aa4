"""GATHER: slices picked by number along one axis; the numbers may be constant or computed."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, given, indices_inside, moves_type, positive_axis
from tinykit.graph.schema import GATHER_OPTIONS, OPTIONS

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class GatherOptions:
    """Options of GATHER.

    Attributes: `axis` the one picked along, from the front; `batch_dims` how many axes the numbers have in common with
    the values. None where they are outside the shapes.
    """

    axis: int | None
    batch_dims: int | None


def parse(table: Table, operands: Operands) -> GatherOptions:
    axis = positive_axis(table.integer(GATHER_OPTIONS.axis, "i"), len(operands.shape(0)))
    rank, batch_dims = len(operands.shape(1)), table.integer(GATHER_OPTIONS.batch_dims, "i")
    batch_dims += rank if batch_dims < 0 else 0
    return GatherOptions(axis, batch_dims if axis is not None and 0 <= batch_dims <= min(axis, rank) else None)


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, indices, y, options = inspection.input, given(inspection, 1), inspection.output, inspection.options
    if not (moves_type(inspection, x, y, types=TYPES) and inspection.dtype(indices, "int32")):
        return
    axis, shared = options.axis, options.batch_dims
    if not inspection.require(shared is not None, f"its axis or batch dimensions are outside {x.shape}"):
        return
    if inspection.require(
        x.shape[:shared] == indices.shape[:shared], f"{x.shape} and {indices.shape} differ in the first {shared} axes"
    ) and inspection.shape(y, (*x.shape[:axis], *indices.shape[shared:], *x.shape[axis + 1 :])):
        indices_inside(inspection, indices, x.shape[axis])


DEFINITION = Definition("GATHER", OPTIONS.GATHER, parse, inspect)
