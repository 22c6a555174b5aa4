"""Weights of four bits: two in a byte, the first in the lower half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinykit.errors import ModelError
from tinykit.graph.flatbuffer import REPAIR
from tinykit.graph.model import Operator, Tensor
from tinykit.graph.names import shown

READERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
"""Operators whose weights TFLM takes with four bits; their second input."""


def unpack_weights(operators: Sequence[Operator], tensors: dict[int, Tensor]) -> dict[int, Tensor]:
    """The tensors with 4-bit weights as int8 values, marked `is_int4`. Those that others read stay as they are.

    Raises: ModelError for weights of the wrong size.
    """
    found = dict(tensors)
    for index, tensor in tensors.items():
        uses = [(o.op, place) for o in operators for place, i in enumerate(o.inputs) if i == index]
        if tensor.dtype == "int4" and tensor.data is not None and uses and all(u in _PLACES for u in uses):
            found[index] = replace(tensor, dtype="int8", data=unpacked(tensor), is_int4=True)
    return found


_PLACES = {(op, 1) for op in READERS}


def unpacked(tensor: Tensor) -> np.ndarray:
    """The values of a 4-bit constant, int8 of its shape.

    Raises: ModelError where it has too many bytes or too few.
    """
    assert tensor.data is not None
    raw = tensor.data.view(np.uint8).reshape(-1)
    if raw.size != (tensor.elements + 1) // 2:
        raise ModelError(
            f"constant '{shown(tensor.name)}' of shape {tensor.shape} and type int4 has the wrong size",
            expected=f"{(tensor.elements + 1) // 2} bytes",
            found=raw.size,
            next_step=REPAIR,
        )
    halves = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)[: tensor.elements].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8).reshape(tensor.shape)


def packed(values: np.ndarray) -> np.ndarray:
    """The reverse: int8 values from -8 to 7 as bytes, the last half zero where there is an odd one."""
    flat = np.ascontiguousarray(values).reshape(-1).astype(np.uint8) & 15
    padded = np.append(flat, np.uint8(0)) if flat.size % 2 else flat
    return padded[0::2] | padded[1::2] << 4
