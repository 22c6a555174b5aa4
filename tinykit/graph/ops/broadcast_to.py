"""BROADCAST_TO: values repeated along axes of 1; the new shape is a constant input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.moving import counts, fixed, given, most_dimensions, moves_type

TYPES = ("int8", "int16", "int32", "int64", "uint8", "float32", "bool")
LARGEST_RANK = 5


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, y, shape = inspection.input, inspection.output, given(inspection, 1)
    if not (moves_type(inspection, x, y, types=TYPES) and fixed(inspection, 1, "new shape", "int32", "int64")):
        return
    assert shape.data is not None
    if most_dimensions(inspection, y, LARGEST_RANK) and most_dimensions(inspection, x, len(y.shape)):
        inspection.shape(y, tuple(shape.data.reshape(-1)[: LARGEST_RANK + 1].tolist()))
        fits = all(n in (1, m) for n, m in zip(x.shape[::-1], y.shape[::-1], strict=False))
        inspection.require(fits, f"{x.shape} does not broadcast to {y.shape}")


def moves(
    _options: Any, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every value to all of its places."""
    yield outputs[0], np.broadcast_to(inputs[0], outputs[0].shape)


DEFINITION = Definition("BROADCAST_TO", None, no_options, inspect, moves)
