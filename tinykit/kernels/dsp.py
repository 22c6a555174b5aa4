"""What the kernels for the DSP extension share: the proof that a layer can take them, clamps, and counted costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.arithmetic import activation_range
from tinykit.graph.model import Operator, Tensor
from tinykit.kernels import estimate, packing
from tinykit.kernels.c_source import kernel
from tinykit.kernels.requantization import Requantization, requantization, sums
from tinykit.kernels.steps import OUTPUT, scale, zero_point
from tinykit.kernels.weighted import Layer
from tinykit.plan.model import Call, Pointer, Step

SCRATCH = Pointer("scratch")

COLUMN_PAIR = 8
"""Bytes of scratch for two values of each of two pixels."""

GROUP, GROUP_TWO_SIDED = 47, 66
"""Instructions of eight outputs (two pixels, four channels) without their products."""

PAIR, TURN, UNROLLED = 12, 3, 16
"""Instructions of the 16 products of two values, two pixels and four channels; of a turn of the loop of so many."""

REST_PAIR, REST_OUTPUT = 12.0, 12.0
"""The same of two channels that are left over: of 8 products, and of an output."""

PADDED_RUN, COPIED = 25, 0.8
"""Instructions of a window's row that is padded, and to copy a byte of it."""

UNPACKED, PIXELS = 1.45, 50
"""Instructions to unpack a value, and of all else that two pixels cost."""


def proven(found: Layer) -> Requantization | None:
    """The cheap requantization of a layer, or None where it has none."""
    wide = found.rows.astype(np.int64)
    folded = bias_values(found.bias, len(wide)) - zero_point(found.x) * wide.sum(axis=1)
    return requantization(found.multipliers, found.shifts, folded, *sums(wide, folded), zero_point(found.y))


def clamped(step: Step, operator: Operator, y: Tensor) -> Step:
    """`step`, whose outputs saturate, followed by the operator's activation where that clamps closer."""
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    if (low, high) == (-128, 127):
        return step
    function = "tk_clamp_bytes"
    call = Call(
        function,
        kernel(function).sources,
        {"low": low, "high": high},
        (OUTPUT, y.elements),
        estimate.code_bytes(function),
    )
    cost = estimate.COEFFICIENTS[function]
    return replace(
        step, then=(*step.then, call), instructions=step.instructions + round(cost.per_output * y.elements) + cost.fixed
    )


def convolution_instructions(pixels: int, pairs: int, channels: int, two_sided: bool) -> int:
    """Predicted instructions of `tk_conv_pixels` over an image, with unpacking; pairs of values are a column."""
    groups, rest = divmod(channels, packing.GROUP)
    group = (GROUP_TWO_SIDED if two_sided else GROUP) + PAIR * pairs + TURN * -(-pairs // UNROLLED)
    left_over = (rest + 1) // 2 * REST_PAIR * pairs + 2 * rest * REST_OUTPUT
    return round((pixels + 1) // 2 * (groups * group + left_over + 4 * pairs * UNPACKED + PIXELS))


def padded_windows(operator: Operator, x: Tensor, weights: Tensor, y: Tensor) -> int:
    """How many windows reach over the image's edges."""
    inside = []
    axes = operator.options.vertical, operator.options.horizontal
    for axis, taps, size, outputs in zip(axes, weights.shape[1:3], x.shape[1:3], y.shape[1:3], strict=True):
        starts = [n * axis.stride - axis.before for n in range(outputs)]
        inside.append(sum(start >= 0 and start + (taps - 1) * axis.dilation < size for start in starts))
    return y.shape[1] * y.shape[2] - inside[0] * inside[1]


def run_instructions(operator: Operator, x: Tensor, weights: Tensor, y: Tensor, run: int) -> int:
    """Predicted instructions to find the rows of all windows, at `run` each, and to copy those that are padded."""
    height, row = weights.shape[1], weights.shape[2] * weights.shape[3]
    padded = padded_windows(operator, x, weights, y) * height * (PADDED_RUN + COPIED * row)
    return round(y.shape[1] * y.shape[2] * height * run + padded)


def core(found: Requantization) -> tuple[str, ...]:
    """The function that a layer's kernel shares with others, for the forecast of sizes."""
    return (f"tk_conv_pixels{'_two_sided' if found.two_sided else ''}_{found.shift}",)
