"""LOGISTIC and TANH of int16: how TFLM scales their input to the steps of its table of the logistic function.

Facts are from `micro/kernels/logistic_common.cc`, `micro/kernels/tanh.cc` and `CheckedLog2` in
`lite/kernels/internal/quantization_util.cc`.
"""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import round_half_away
from tinykit.graph.broadcast import zero_points_are_zero
from tinykit.graph.definition import Inspection

STEPS = 4096.0 * 3.0
"""Steps of the table's input for 1.0."""

LARGEST_SCALE = 32767 / STEPS
"""Input scales beyond do not fit TFLM's 15-bit multiplier."""

_NEAR = 1e-3


def power_of_two(scale: float) -> tuple[int, bool]:
    """The rounded binary logarithm of a scale, and whether the scale is as near to that power as TFLM asks."""
    logarithm = np.float32(np.log(np.float32(scale))) * (np.float32(1) / np.float32(np.log(np.float32(2))))
    rounded = round_half_away(float(logarithm))
    return rounded, abs(float(np.float32(logarithm - np.float32(rounded)))) < _NEAR


def scaling(op: str, scale: float) -> tuple[int, int]:
    """Multiplier and rounding right shift of an int16 input of LOGISTIC or TANH."""
    power, is_near = power_of_two(scale)
    if is_near and power + 12 in ((0,) if op == "LOGISTIC" else (0, 1)):
        return 3 << (power + 12), 0
    multiplier, shift = scale * STEPS, 0
    while multiplier <= 32767 / 2 and shift <= 30:
        multiplier, shift = 2 * multiplier, shift + 1
    return int(multiplier), shift


def inspect_int16(inspection: Inspection) -> None:
    """Input and output of LOGISTIC or TANH are quantized as TFLM asks."""
    if not inspection.arity(1, 1):
        return
    x, y = inspection.input, inspection.output
    if not (
        inspection.dtype(x, "int16")
        and inspection.dtype(y, "int16")
        and inspection.shape(y, x.shape)
        and inspection.per_tensor(x, y)
        and zero_points_are_zero(inspection, x, y)
    ):
        return
    assert x.quantization and y.quantization
    inspection.require(
        power_of_two(y.quantization.scale) == (-15, True), "its output must have scale 1/32768, as TFLM demands"
    )
    inspection.require(
        x.quantization.scale < LARGEST_SCALE,
        f"its input scale {x.quantization.scale:.6g} is out of range",
        "Quantize again with data like the real input",
    )
