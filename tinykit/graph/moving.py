"""What the operators share that only move values: reading their constants, and checking types, axes and shapes."""

from __future__ import annotations

from tinykit.graph.definition import Inspection, Operands
from tinykit.graph.model import Tensor

MOST_NUMBERS = 64
"""Numbers of a constant that is read as options; axes, sizes and amounts are far fewer."""


def numbers(operands: Operands, index: int) -> tuple[int, ...] | None:
    """The integers of a constant input, flat; None where it is absent, computed, or no short list of integers."""
    values = operands.constant(index)
    if values is None or values.dtype.kind != "i" or len(values) > MOST_NUMBERS:
        return None
    return tuple(values.tolist())


def number(operands: Operands, index: int) -> int | None:
    """The one integer of a constant input, or None."""
    found = numbers(operands, index)
    return found[0] if found is not None and len(found) == 1 else None


def positive_axis(axis: int | None, rank: int) -> int | None:
    """The axis counted from the front; None where it is not within the rank."""
    return axis % rank if axis is not None and -rank <= axis < rank else None


def counts(inspection: Inspection, inputs: tuple[int, int], outputs: tuple[int, int] = (1, 1)) -> bool:
    """The operator has as many inputs, all present, and outputs as these bounds (inclusive) allow."""
    there = inspection.inputs
    return inspection.require(
        inputs[0] <= len(there) <= inputs[1]
        and None not in there
        and outputs[0] <= len(inspection.outputs) <= outputs[1],
        f"it has {len(there)} inputs and {len(inspection.outputs)} outputs, not {inputs[0]} to {inputs[1]} and "
        f"{outputs[0]} to {outputs[1]}",
    )


def given(inspection: Inspection, index: int) -> Tensor:
    """An input that `counts` found present."""
    tensor = inspection.inputs[index]
    assert tensor is not None
    return tensor


def moves_type(inspection: Inspection, *tensors: Tensor, types: tuple[str, ...]) -> bool:
    """All tensors have one element type, of those that TFLM moves with this operator."""
    return inspection.dtype(tensors[0], *types) and all([inspection.dtype(t, tensors[0].dtype) for t in tensors[1:]])  # noqa: C419 every problem counts


def fixed(inspection: Inspection, index: int, role: str, *types: str) -> bool:
    """An input whose integers decide shapes or places is constant, and of one of `types` (int32 by default)."""
    tensor = given(inspection, index)
    return inspection.constant(tensor, role) and inspection.dtype(tensor, *(types or ("int32",)))


def most_dimensions(inspection: Inspection, tensor: Tensor, most: int, least: int = 0) -> bool:
    """The tensor's rank is one that TFLM takes."""
    return inspection.require(
        least <= len(tensor.shape) <= most,
        f"it has {len(tensor.shape)} dimensions, and TFLM takes {least} to {most}",
        "Reshape before and after it",
    )


def indices_inside(inspection: Inspection, indices: Tensor, count: int) -> bool:
    """Numbers that pick from `count` things name some of them, where they are known."""
    inside = indices.data is None or bool(((indices.data >= 0) & (indices.data < count)).all())
    return inspection.require(inside, f"some of its indices are outside 0 to {count - 1}")
