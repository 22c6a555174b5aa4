"""What operators along one constant axis share."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Inspection, Operands


@dataclass(frozen=True)
class AlongOptions:
    """Options of an operator along one axis: `axis`, not negative; None where the file does not fix it."""

    axis: int | None


def axis_of(operands: Operands) -> int | None:
    """The axis that the second input holds."""
    rank = len(operands.shape(0))
    values = operands.constant(1)
    if values is None or values.dtype.kind != "i" or len(values) != 1 or not -rank <= int(values[0]) < rank:
        return None
    return int(values[0]) % rank


def inspect_axis(inspection: Inspection, *types: str) -> bool:
    """An input of one of `types`, and a constant axis within its shape."""
    if not inspection.arity(2, 2):
        return False
    x, axis = inspection.input, inspection.inputs[1]
    assert axis is not None
    return (
        inspection.dtype(x, *types)
        and inspection.dtype(axis, "int32")
        and inspection.constant(axis, "axis")
        and inspection.require(
            inspection.options.axis is not None, f"its axis is not one number within the input's shape {x.shape}"
        )
    )
