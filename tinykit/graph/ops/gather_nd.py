"""GATHER_ND: slices picked by their coordinates along the first axes; these may be constant or computed."""

from __future__ import annotations

import numpy as np

from tinykit.graph.definition import Definition, Inspection, no_options
from tinykit.graph.moving import counts, given, moves_type

TYPES = ("int8", "float32")
MOST_COORDINATES = 5


def inspect(inspection: Inspection) -> None:
    if not counts(inspection, (2, 2)):
        return
    x, indices, y = inspection.input, given(inspection, 1), inspection.output
    if not (moves_type(inspection, x, y, types=TYPES) and inspection.dtype(indices, "int32")):
        return
    most = min(MOST_COORDINATES, len(x.shape))
    if not inspection.require(
        len(indices.shape) >= 1 and indices.shape[-1] <= most,
        f"coordinates of shape {indices.shape} do not fit {x.shape}",
    ):
        return
    inspection.shape(y, (*indices.shape[:-1], *x.shape[indices.shape[-1] :]))
    if indices.data is not None:
        inside = (indices.data >= 0) & (indices.data < np.array(x.shape[: indices.shape[-1]]))
        inspection.require(bool(inside.all()), f"some of its coordinates are outside {x.shape}")


DEFINITION = Definition("GATHER_ND", None, no_options, inspect)
