"""STRIDED_SLICE: every n-th value from begin to end along each axis, backwards too; all three are constant inputs.

TFLM takes up to 4 axes, TFLite's reference kernels 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinykit.graph.definition import Definition, Inspection, Operands
from tinykit.graph.flatbuffer import Table
from tinykit.graph.moving import counts, fixed, most_dimensions, moves_type, numbers
from tinykit.graph.schema import OPTIONS, STRIDED_SLICE_OPTIONS

TYPES = ("int8", "int16", "int32", "float32", "bool")
LARGEST_RANK = 5


@dataclass(frozen=True)
class StridedSliceOptions:
    """Options of STRIDED_SLICE.

    Attributes: `positions` for each input axis the positions taken; None where the file does not fix them within the
    input. `shrunk` the axes that the output leaves out. `unlike_tflm` which option TFLM ignores, "" for none.
    """

    positions: tuple[range, ...] | None
    shrunk: tuple[int, ...] = ()
    unlike_tflm: str = ""


def parse(table: Table, operands: Operands) -> StridedSliceOptions:
    at = STRIDED_SLICE_OPTIONS
    begins, ends, shrinks = (table.integer(p, "i") for p in (at.begin_mask, at.end_mask, at.shrink_axis_mask))
    ignored = [n for n in ("ellipsis_mask", "new_axis_mask") if table.integer(getattr(at, n), "i")]
    ignored += ["offset"] if table.flag(at.offset) else []
    shape, limits = operands.shape(0), [numbers(operands, k) for k in (1, 2, 3)]
    shrunk = tuple(a for a in range(len(shape)) if shrinks >> a & 1)
    positions = []
    for axis, size in enumerate(shape):
        if any(v is None or len(v) != len(shape) for v in limits):
            return StridedSliceOptions(None, shrunk, ", ".join(ignored))
        begin, end, stride = (v[axis] for v in limits if v is not None)
        found = _positions(
            size,
            None if begins >> axis & 1 else begin,
            None if ends >> axis & 1 else end,
            stride,
            shrink=axis in shrunk,
        )
        if not found:
            return StridedSliceOptions(None, shrunk, ", ".join(ignored))
        positions.append(found)
    return StridedSliceOptions(tuple(positions), shrunk, ", ".join(ignored))


def _positions(size: int, begin: int | None, end: int | None, stride: int, *, shrink: bool) -> range:
    """What is taken along one axis; empty where that makes no sense. A mask makes begin or end None.

    An axis that shrinks takes the one position at its begin, whatever its end (StartForAxis and StopForAxis of
    TFLM's strided_slice_logic.h, which clamp as Python's slices do).
    """
    if stride == 0 or (shrink and stride < 0):  # TFLM then copies nothing.
        return range(0)
    found = range(*slice(begin, None if shrink else end, stride).indices(size))
    return found[:1] if shrink else found


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (4, 4)):
        return
    x, y, options = inspection.input, inspection.output, inspection.options
    if not (moves_type(inspection, x, y, types=TYPES) and most_dimensions(inspection, x, LARGEST_RANK)):
        return
    if not all([fixed(inspection, k, role) for k, role in ((1, "begin"), (2, "end"), (3, "strides"))]):  # noqa: C419
        return
    inspection.require(not options.unlike_tflm, f"TFLM ignores its {options.unlike_tflm}", "Slice in two steps")
    if inspection.require(options.positions is not None, f"its begin, end and strides leave nothing of {x.shape}"):
        kept = tuple(len(p) for a, p in enumerate(options.positions) if a not in options.shrunk)
        inspection.shape(y, kept)


def moves(
    options: StridedSliceOptions, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The positions along each axis."""
    assert options.positions is not None
    taken = []
    for p in options.positions:
        stop = p[-1] + (1 if p.step > 0 else -1)
        taken.append(slice(p.start, stop if stop >= 0 else None, p.step))
    yield outputs[0], inputs[0][(*taken, ...)].squeeze(options.shrunk)


DEFINITION = Definition("STRIDED_SLICE", OPTIONS.STRIDED_SLICE, parse, inspect, moves)
