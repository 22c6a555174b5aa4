"""FILL and ZEROS_LIKE: one value everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.moving import counts, fixed, given, moves_type

FILLED_TYPES = ("int8", "int32", "float32")
ZEROED_TYPES = ("int8", "int32", "int64", "float32")


def inspect_fill(inspection: Inspection) -> None:
    """FILL: the shape is constant, the value may be computed."""
    if not (counts(inspection, (2, 2)) and fixed(inspection, 0, "dimensions", "int8", "int16", "int32", "int64")):
        return
    shape, value, y = given(inspection, 0), given(inspection, 1), inspection.output
    assert shape.data is not None
    if moves_type(inspection, value, y, types=FILLED_TYPES):
        inspection.rank(value, 0)
        inspection.shape(y, tuple(shape.data.reshape(-1)[: len(y.shape) + 1].tolist()))


def inspect_zeros_like(inspection: Inspection) -> None:
    """ZEROS_LIKE."""
    if counts(inspection, (1, 1)) and moves_type(inspection, inspection.input, inspection.output, types=ZEROED_TYPES):
        inspection.shape(inspection.output, inspection.input.shape)


def moves_fill(
    _options: Any, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The value to every place."""
    yield outputs[0], np.broadcast_to(inputs[1], outputs[0].shape)


def moves_zeros(
    _options: Any, _inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Zero to every place, also where int8 means something else by it: that is what TFLM does."""
    yield outputs[0], np.broadcast_to(np.zeros((), outputs[0].dtype), outputs[0].shape)


DEFINITIONS = (
    Definition("FILL", None, no_options, inspect_fill, moves_fill),
    Definition("ZEROS_LIKE", None, no_options, inspect_zeros_like, moves_zeros),
)
