"""Builder functions of the operators that compute shapes and constants; see tests/support/models.py."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.builder import ModelBuilder, Value
from tests.support.movement import integers


def shape_of(model: ModelBuilder, x: Value) -> Value:
    """SHAPE."""
    return model.operator("SHAPE", [x], (len(x.shape),), dtype="int32", outType=2)


def zeros_like(model: ModelBuilder, x: Value) -> Value:
    """ZEROS_LIKE."""
    return model.operator("ZEROS_LIKE", [x], x.shape, x.scale, x.zero_point, dtype=x.dtype)


def broadcast_args(model: ModelBuilder, one: Sequence[int], other: Sequence[int]) -> Value:
    """BROADCAST_ARGS of two constant shapes."""
    inputs = [integers(model, one), integers(model, other)]
    return model.operator("BROADCAST_ARGS", inputs, (max(len(one), len(other)),), dtype="int32")
