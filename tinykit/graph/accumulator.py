"""Exact bounds of the integer sums inside CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED, and checks built on them."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import INTEGER_RANGES, LARGEST_SHIFT, quantize_multiplier
from tinykit.graph.definition import Inspection
from tinykit.graph.model import Tensor
from tinykit.graph.names import shown


def bias_values(bias: Tensor | None, channels: int) -> np.ndarray:
    """The biases as int64, shape (channels,); zeros where there is none."""
    if bias is None or bias.data is None:
        return np.zeros(channels, np.int64)
    return bias.data.reshape(-1).astype(np.int64)


def inspect_weights(inspection: Inspection, weights: Tensor, axis: int, *, zero_point_allowed: bool = False) -> bool:
    """Weights are constant int8 with one scale, or one a channel of `axis`, and zero point 0."""
    quantization = weights.quantization
    if not (inspection.dtype(weights, "int8") and inspection.constant(weights, "weights")):
        return False
    if not inspection.require(quantization is not None, f"its weights '{shown(weights.name)}' have no quantization"):
        return False
    assert quantization is not None
    scales = len(quantization.scales)
    return inspection.require(
        scales == 1 or (scales == weights.shape[axis] and quantization.axis == axis),
        f"its weights have {scales} scales along dimension {quantization.axis}, not one for each output channel",
    ) and inspection.require(
        not quantization.zero_points.any() or (zero_point_allowed and scales == 1),
        "its weights have a zero point other than 0",
        "Quantize the weights symmetrically, as TensorFlow's converter does for int8",
    )


def inspect_bias(inspection: Inspection, bias: Tensor | None, channels: int) -> bool:
    """The bias is absent, or a constant int32 for each output channel."""
    return bias is None or (
        inspection.dtype(bias, "int32")
        and inspection.constant(bias, "biases")
        and inspection.require(
            bias.elements == channels, f"it has {bias.elements} biases for {channels} output channels"
        )
    )


def inspect_sums(inspection: Inspection, rows: np.ndarray, bias: np.ndarray, reals: np.ndarray) -> bool:
    """No input whatever makes a 32-bit sum overflow, before or in requantization.

    Args:
        rows: weights minus their zero point, shape (channels, taps).
        bias: int64, shape (channels,).
        reals: float64 effective scales, shape (channels,) or (1,).
    """
    quantization = inspection.input.quantization
    assert quantization is not None
    least, most = (limit - quantization.zero_point for limit in INTEGER_RANGES[inspection.input.dtype])
    positive = np.maximum(rows, 0).sum(axis=1, dtype=np.int64)
    negative = np.minimum(rows, 0).sum(axis=1, dtype=np.int64)
    low = positive * least + negative * most + np.minimum(bias, 0)
    high = positive * most + negative * least + np.maximum(bias, 0)
    shifts = np.array([max(quantize_multiplier(float(real))[1], 0) for real in reals])
    int32_least, int32_most = INTEGER_RANGES["int32"]
    fits = (
        (shifts <= LARGEST_SHIFT).all()
        and (low >= int32_least >> shifts).all()
        and (high <= int32_most >> shifts).all()
    )
    return inspection.require(
        bool(fits),
        "its sums can overflow 32 bits",
        "Use a smaller layer, or quantize again with data like the real input",
    )
