"""Exact bounds of the integer sums inside CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED, and checks built on them."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import INTEGER_RANGES, LARGEST_SHIFT, quantize_multiplier, short_multiplier
from tinykit.graph.broadcast import zero_points_are_zero
from tinykit.graph.definition import Inspection
from tinykit.graph.model import Tensor
from tinykit.graph.names import shown

LARGEST_WIDE_SHIFT = 7
"""Greatest left shift of TFLM's 64-bit requantization."""


def inspect_activations(inspection: Inspection, x: Tensor, y: Tensor) -> bool:
    """Input and output are int8, or both are int16 with zero point 0."""
    if x.dtype != "int16":
        return inspection.int8(x, y)
    return inspection.dtype(y, "int16") and inspection.per_tensor(x, y) and zero_points_are_zero(inspection, x, y)


def has_wide_sums(x: Tensor, bias: Tensor | None, *, is_32_bit: bool = False) -> bool:
    """Whether TFLM adds in 64 bits: for int16 activations, unless the biases (or `is_32_bit`) say int32."""
    return x.dtype == "int16" and (not is_32_bit if bias is None else bias.dtype != "int32")


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
    if not inspection.require(
        not weights.is_int4 or inspection.output.dtype == "int8",
        "its weights have 4 bits where its activations have 16",
    ):
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


def inspect_bias(inspection: Inspection, bias: Tensor | None, channels: int, *types: str) -> bool:
    """The bias is absent, or a constant of one of `types` (int32) for each output channel."""
    return bias is None or (
        inspection.dtype(bias, *(types or ("int32",)))
        and inspection.constant(bias, "biases")
        and inspection.require(
            bias.elements == channels, f"it has {bias.elements} biases for {channels} output channels"
        )
    )


def inspect_float(inspection: Inspection, weights: Tensor, bias: Tensor | None, channels: int) -> bool:
    """Of an operator that computes in float32: constant weights, float32 biases for `channels`, and a clamp."""
    return (
        inspection.constant(weights, "weights")
        and inspect_bias(inspection, bias, channels, "float32")
        and inspection.clamp(inspection.options.activation)
    )


def inspect_sums(
    inspection: Inspection,
    rows: np.ndarray,
    bias: np.ndarray,
    reals: np.ndarray,
    *,
    x: Tensor | None = None,
    is_wide: bool = False,
) -> bool:
    """No input whatever makes a 32-bit sum overflow, before or in requantization.

    Args:
        rows: weights minus their zero point, shape (channels, taps).
        bias: int64, shape (channels,).
        reals: float64 effective scales, shape (channels,) or (1,).
        x: the activations, where they are not the first input.
        is_wide: the sums have 64 bits, see `has_wide_sums`.
    """
    if is_wide:
        return _inspect_wide_sums(inspection, rows, bias, reals)
    x = x or inspection.input
    assert x.quantization is not None
    least, most = (limit - x.quantization.zero_point for limit in INTEGER_RANGES[x.dtype])
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


def _inspect_wide_sums(inspection: Inspection, rows: np.ndarray, bias: np.ndarray, reals: np.ndarray) -> bool:
    """No 64-bit sum leaves TFLM's 48 bits, nor its requantization 32."""
    largest = (1 << 15) * np.abs(rows.astype(np.int64)).sum(axis=1) + np.abs(bias)
    fits = True
    for real, peak in zip(np.broadcast_to(reals, len(rows)), largest, strict=True):
        multiplier, shift = quantize_multiplier(float(real))
        scaled = int(peak) * short_multiplier(multiplier) >> (15 - min(shift, LARGEST_WIDE_SHIFT))
        fits &= shift <= LARGEST_WIDE_SHIFT and int(peak) < 1 << 47 and scaled < (1 << 31) - 1
    return inspection.require(
        bool(fits),
        "its sums can overflow TFLM's 48 bits, or its scaled sums 32",
        "Use a smaller layer, or quantize again with data like the real input",
    )
