"""RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes in another shape. The output tensor's own shape decides, as in TFLM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.moving import counts, fixed, moves_type
from tinykit.graph.schema import OPTIONS

EVERY_TYPE = ("int8", "int16", "int32", "int64", "uint8", "float32", "bool")
EXPANDED_TYPES = ("int8", "int16", "float32")


def inspect_reshape(inspection: Inspection) -> None:
    """RESHAPE. Its second input may even be computed: TFLM never reads it."""
    if counts(inspection, (1, 2)):
        _same_bytes(inspection, EVERY_TYPE)


def inspect_squeeze(inspection: Inspection) -> None:
    """SQUEEZE. Its axes only explain the output's shape."""
    if counts(inspection, (1, 1)) and _same_bytes(inspection, EVERY_TYPE):
        x, y = inspection.input, inspection.output
        inspection.require(
            [n for n in x.shape if n != 1] == [n for n in y.shape if n != 1] and len(y.shape) <= len(x.shape),
            f"{y.shape} is not {x.shape} with some dimensions of 1 left out",
        )


def inspect_expand_dims(inspection: Inspection) -> None:
    """EXPAND_DIMS. Its axis only explains the output's shape."""
    if counts(inspection, (2, 2)) and fixed(inspection, 1, "axis") and _same_bytes(inspection, EXPANDED_TYPES):
        x, y = inspection.input, inspection.output
        axis = int(inspection.inputs[1].data.reshape(-1)[0])  # type: ignore[union-attr]
        rank = len(x.shape) + 1
        if inspection.require(-rank <= axis < rank, f"its axis {axis} is outside {rank} dimensions"):
            inspection.shape(y, (*x.shape[: axis % rank], 1, *x.shape[axis % rank :]))


def _same_bytes(inspection: Inspection, types: tuple[str, ...]) -> bool:
    x, y = inspection.input, inspection.output
    return moves_type(inspection, x, y, types=types) and inspection.require(
        x.elements == y.elements, f"it takes {x.elements} values to {y.elements}"
    )


def moves(
    _options: Any, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The values in their order."""
    yield outputs[0], inputs[0].reshape(outputs[0].shape)


DEFINITIONS = (
    Definition("RESHAPE", OPTIONS.RESHAPE, no_options, inspect_reshape, moves),
    Definition("SQUEEZE", OPTIONS.SQUEEZE, no_options, inspect_squeeze, moves),
    Definition("EXPAND_DIMS", None, no_options, inspect_expand_dims, moves),
)
