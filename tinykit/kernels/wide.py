"""What the lowerings of int16 activations with int8 weights share: biases and multipliers of their sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.arithmetic import short_multiplier
from tinykit.graph.model import Tensor
from tinykit.kernels.steps import Argument
from tinykit.plan.model import Constant


@dataclass(frozen=True, eq=False)
class WideSums:
    """The constants of sums of int16 values, see `wide.h`.

    Attributes: `bias` int32, one word a channel, or two where `wide`; `multipliers` int32 and `shifts` int8 (to the
    right), one a channel, or one where all are equal; `shape` the flags that the kernels take.
    """

    bias: np.ndarray
    multipliers: np.ndarray
    shifts: np.ndarray
    shape: dict[str, int]

    @property
    def constants(self) -> list[Argument]:
        """Bias, multipliers and shifts as kernel arguments."""
        return [
            Constant("bias", self.bias, 4),
            Constant("multipliers", self.multipliers, 4),
            Constant("shifts", self.shifts),
        ]


def wide_sums(
    rows: np.ndarray, bias: Tensor | None, multipliers: np.ndarray, shifts: np.ndarray, *, is_short: bool
) -> WideSums:
    """Choose 32 bits for the sums where they suffice for every input.

    Args:
        rows: weights, (channels, taps).
        bias: (channels,), or None.
        multipliers, shifts: TFLM's, (channels,), shift positive to the left.
        is_short: requantized as 64-bit sums are, whatever bits ours have.
    """
    values = bias_values(bias, len(rows))
    largest = (1 << 15) * np.abs(rows.astype(np.int64)).sum(axis=1) + np.abs(values)
    wide = bool((largest >= 1 << 31).any())
    words = np.ascontiguousarray(values, "<i8").view("<i4") if wide else values.astype(np.int32)
    if is_short:
        multipliers = np.array([short_multiplier(int(m)) for m in multipliers])
    one = len(set(zip(multipliers.tolist(), shifts.tolist(), strict=True))) == 1
    kept = slice(0, 1) if one else slice(None)
    return WideSums(
        words,
        multipliers[kept].astype(np.int32),
        (-shifts[kept]).astype(np.int8),
        {"has_one_scale": int(one), "has_short_multiplier": int(is_short), "wide": int(wide)},
    )
