"""What the lowerings share: making a step, and the operands of quantized operators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.accumulator import bias_values
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Quantization, Tensor
from tinykit.kernels import estimate
from tinykit.kernels.c_source import kernel
from tinykit.plan.model import Constant, Overlap, Pointer, Step
from tinykit.targets import Target

Argument = Pointer | Constant | int

INPUT = Pointer("input")
OUTPUT = Pointer("output")
STATE = Pointer("state")
IN_PLACE = Overlap(0, 0, 0)
"""An output may take its only input's place: each value is read before anything is written over it."""

_SUM_LIMIT = (1 << 31) - 512
"""Sums up to here still have room for an output zero point."""


def make_step(
    operator: Operator,
    target: Target,
    function: str,
    shape: dict[str, int | tuple[int, ...]],
    arguments: list[Argument],
    *,
    outputs: int,
    macs: int = 0,
    reads: int | None = None,
    runs: int = 0,
    has_remainder: bool = False,
    inputs: tuple[int, ...] | None = None,
    overlaps: tuple[Overlap, ...] = (),
    library: tuple[str, ...] = (),
    cost_of: str | None = None,
) -> Step:
    """A step of `operator` that calls the kernel `function`.

    Args:
        outputs: values that it writes; macs: multiply-accumulates that the operator defines; reads: values that it
            reads one by one where that is not the macs.
        runs: contiguous stretches that it works through; has_remainder: see `estimate`.
        inputs: arena tensors that it reads, all of the operator's first input by default.
        cost_of: the entry of `estimate` to use where it is not `function`.
    """
    entry = cost_of or function
    long_multiply = () if target.has("mul64") else ("__aeabi_lmul",)
    return Step(
        name=operator.name,
        op=operator.op,
        kernel=function.removeprefix("tk_"),
        function=function,
        sources=kernel(function).sources,
        shape=shape,
        arguments=tuple(arguments),
        inputs=operator.inputs[:1] if inputs is None else inputs,
        outputs=operator.outputs,
        overlaps=overlaps,
        macs=macs,
        instructions=estimate.instructions(target, entry, macs if reads is None else reads, outputs, runs),
        code_bytes=estimate.code_bytes(entry, has_remainder=has_remainder, target=target),
        library=library + long_multiply,
        stack=estimate.COEFFICIENTS[entry].stack,
    )


def block(target: Target) -> int:
    """Output channels that portable kernels compute at a time: as many sums as the core's registers hold."""
    if estimate.is_8_bit(target):
        return 1
    return 4 if target.has("thumb2") or not target.has("thumb") else 2


def optional_input(graph: Graph, operator: Operator, index: int) -> Tensor | None:
    """An input that may be absent."""
    if index >= len(operator.inputs) or operator.inputs[index] == NO_TENSOR:
        return None
    return graph.tensor(operator.inputs[index])


def zero_point(tensor: Tensor) -> int:
    """The zero point of a tensor quantized as a whole; 0 for one that is not quantized."""
    return 0 if tensor.quantization is None else tensor.quantization.zero_point


def scale(tensor: Tensor) -> float:
    """The scale of a tensor quantized as a whole."""
    return quantization(tensor).scale


def quantization(tensor: Tensor) -> Quantization:
    """The quantization of a tensor that the graph's checks found quantized."""
    assert tensor.quantization is not None, tensor.name
    return tensor.quantization


@dataclass(frozen=True, eq=False)
class Sums:
    """The constants of a weighted sum and its requantization.

    Attributes: `bias` int32 with the input zero point folded in; `multipliers` int32 and `shifts` int8 (to the
    right), one a channel; `down` whether tk_scale_down is exact and safe for all channels.
    """

    bias: np.ndarray
    multipliers: np.ndarray
    shifts: np.ndarray
    down: int

    @property
    def constants(self) -> list[Argument]:
        """Bias, multipliers and shifts as kernel arguments."""
        return [
            Constant("bias", self.bias, 4),
            Constant("multipliers", self.multipliers, 4),
            Constant("shifts", self.shifts),
        ]


def fold_sums(
    operator: Operator,
    rows: np.ndarray,
    bias: Tensor | None,
    *,
    input_zero_point: int,
    multipliers: np.ndarray,
    shifts: np.ndarray,
) -> Sums:
    """Fold `-input_zero_point * sum(weights)` into the biases and prove that no sum overflows.

    Args:
        rows: int64 weights less their zero point, (channels, taps).
        bias: int32 (channels,), or None.
        multipliers, shifts: TFLM's, shift positive to the left.

    Raises: UnsupportedModel where a 32-bit sum could overflow for some input.
    """
    given = bias_values(bias, len(rows))
    folded = given - input_zero_point * rows.sum(axis=1)
    largest = np.abs(folded) + 128 * np.abs(rows).sum(axis=1)
    if (largest << np.maximum(shifts, 0) >= _SUM_LIMIT).any():
        raise UnsupportedModel(
            [
                Problem(
                    operator.name,
                    operator.op,
                    "its sums can overflow 32 bits",
                    "Quantize again with data like the real input",
                )
            ]
        )
    down = bool((shifts <= -1).all() and (largest < 1 << 30).all())
    return Sums(folded.astype(np.int32), multipliers.astype(np.int32), (-shifts).astype(np.int8), int(down))
