"""What one operator is to the graph: how its options are read, and what of it tinykit compiles.

An operator is one module in `graph/ops/` with a `DEFINITION` (or `DEFINITIONS`); the registry there finds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.errors import Problem
from tinykit.graph.arithmetic import ACTIVATIONS as ACTIVATION_CLAMPS
from tinykit.graph.arithmetic import INTEGER_RANGES, LARGEST_SHIFT, activation_range, quantize_multiplier
from tinykit.graph.flatbuffer import Table
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Tensor
from tinykit.graph.names import shown
from tinykit.graph.schema import ACTIVATIONS, PADDINGS

QUANTIZE_FIRST = "Quantize the model to int8: tinykit quantize MODEL.keras --data SET.npz"
CONVERT_AGAIN = "The file is inconsistent: convert the model again"
QUANTIZED_TYPES = ("int8", "uint8", "int16")
"""Types of activations in a quantized model."""


Moves = Callable[[Any, Sequence[np.ndarray], Sequence[np.ndarray]], Iterable[tuple[np.ndarray, np.ndarray]]]
"""What an operator moves: its options, inputs and outputs -> pairs (destination, source), copied in this order.

Both are views of equal shape that reach their values by strides alone, so that kernels can copy them in fixed loops; a
source may be a view of an output that earlier pairs wrote. An absent optional input is an empty array.
"""


@dataclass(frozen=True)
class Definition:
    """One operator.

    Attributes:
        op: TFLite builtin name.
        options_kind: kind of its option table (schema.OPTIONS), None where it has none that matter.
        parse: option table and the operator's tensors -> its frozen options dataclass (None without options).
        inspect: adds to an `Inspection` what cannot be compiled.
        moves: for an operator that only moves values, what it moves. Such operators may read constants only: they
            are then carried out at compile time.
        states: positions of the inputs that are tensors which keep their values between inferences.
        changes_states: whether it writes those.
    """

    op: str
    options_kind: int | None
    parse: Callable[[Table, Operands], Any]
    inspect: Callable[[Inspection], None]
    moves: Moves | None = None
    states: tuple[int, ...] = ()
    changes_states: bool = True


@dataclass(frozen=True, eq=False)
class Operands:
    """The tensors of an operator whose options are being read; None for an absent optional input."""

    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of an input; () where there is none."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        return tensor.shape if tensor is not None else ()

    def constant(self, index: int) -> np.ndarray | None:
        """The values of a constant input, flat; None where it is absent or computed."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        return None if tensor is None or tensor.data is None else tensor.data.reshape(-1)


def no_options(_table: Table, _operands: Operands) -> None:
    """The `parse` of operators that have no options."""


def activation_name(table: Table, position: int) -> str:
    """A fused activation by name; "ACTIVATION_n" for a number that the schema does not have."""
    return _named(ACTIVATIONS, table.integer(position, "b"), "ACTIVATION")


def padding_name(table: Table, position: int) -> str:
    """ "SAME" or "VALID"; "PADDING_n" for another number."""
    return _named(PADDINGS, table.integer(position, "b"), "PADDING")


def _named(names: tuple[str, ...], number: int, kind: str) -> str:
    return names[number] if 0 <= number < len(names) else f"{kind}_{number}"


class Inspection:
    """Collects the problems of one operator.

    Each check returns whether it held, so that a definition can stop where later checks would make no sense.
    """

    def __init__(self, graph: Graph, operator: Operator) -> None:
        self.operator = operator
        self.options = operator.options
        self.inputs = tuple(None if i == NO_TENSOR else graph.tensor(i) for i in operator.inputs)
        self.outputs = tuple(graph.tensor(i) for i in operator.outputs)
        self.found: list[Problem] = []
        self._graph = graph

    @property
    def input(self) -> Tensor:
        """The first input; check `arity` first."""
        assert self.inputs[0] is not None
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first output; check `arity` first."""
        return self.outputs[0]

    def optional(self, index: int) -> Tensor | None:
        """An input that may be absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def require(self, holds: bool, why: str, fix: str = CONVERT_AGAIN) -> bool:
        """Note a problem unless `holds`."""
        if not holds:
            self.found.append(Problem(self.operator.name, self.operator.op, why, fix))
        return holds

    def arity(self, least: int, most: int) -> bool:
        """From `least` (all present) to `most` inputs, and one output."""
        inputs = self.inputs
        holds = least <= len(inputs) <= most and None not in inputs[:least] and len(self.outputs) == 1
        wanted = str(least) if least == most else f"{least} to {most}"
        return self.require(
            holds, f"it has {len(inputs)} inputs and {len(self.outputs)} outputs where {wanted} and 1 belong"
        )

    def int8(self, *tensors: Tensor) -> bool:
        """Each tensor is int8 with one scale and one zero point."""
        return all([self.dtype(t, "int8") for t in tensors]) and self.per_tensor(*tensors)  # noqa: C419 every problem counts

    def dtype(self, tensor: Tensor, *allowed: str) -> bool:
        """The tensor's element type is one of `allowed`."""
        fix = QUANTIZE_FIRST if tensor.dtype in ("float32", "float16") else "Convert the model to full int8"
        wanted = " or ".join(allowed)
        return self.require(tensor.dtype in allowed, f"'{shown(tensor.name)}' is {tensor.dtype}, not {wanted}", fix)

    def computes_in_float(self, *tensors: Tensor) -> bool:
        """All are float32, in a model that is quantized elsewhere; one wholly in float is refused, and told so."""
        return all(t.dtype == "float32" for t in tensors) and any(
            t.dtype in QUANTIZED_TYPES and not t.is_constant for t in self._graph.tensors.values()
        )

    def rank(self, tensor: Tensor, rank: int) -> bool:
        """The tensor has `rank` dimensions."""
        return self.require(
            len(tensor.shape) == rank, f"'{shown(tensor.name)}' has shape {tensor.shape}, not {rank} dimensions"
        )

    def shape(self, tensor: Tensor, shape: tuple[int, ...]) -> bool:
        """The tensor has this shape."""
        return self.require(
            tensor.shape == shape, f"'{shown(tensor.name)}' has shape {tensor.shape} where {shape} follows"
        )

    def per_tensor(self, *tensors: Tensor) -> bool:
        """Each tensor has one scale and one zero point."""
        held = [
            self.require(
                t.quantization is not None and len(t.quantization.scales) == 1,
                f"'{shown(t.name)}' has no quantization of one scale and zero point",
                QUANTIZE_FIRST,
            )
            for t in tensors
        ]
        return all(held)

    def constant(self, tensor: Tensor, role: str) -> bool:
        """The tensor's values are in the file."""
        return self.require(
            tensor.is_constant,
            f"its {role} '{shown(tensor.name)}' are computed, not constant",
            "Make them part of the model",
        )

    def state(self, tensor: Tensor, role: str) -> bool:
        """The tensor keeps its values between inferences."""
        return self.require(tensor.initial is not None, f"its {role} '{shown(tensor.name)}' is no variable tensor")

    def same_quantization(self) -> bool:
        """Input and output share scale and zero point, as TFLM asks where an operator cannot requantize."""
        a, b = self.input.quantization, self.output.quantization
        assert a is not None and b is not None
        return self.require(
            abs(a.scale - b.scale) <= 1e-6 and a.zero_point == b.zero_point,
            "input and output have different scales or zero points",
        )

    def clamp(self, activation: str) -> bool:
        """The fused activation is a clamp."""
        return self.require(
            activation in ACTIVATION_CLAMPS,
            f"the fused activation {activation} is not a clamp",
            "Use ReLU, ReLU6 or none, or the activation as a layer of its own",
        )

    def activation(self, activation: str) -> bool:
        """The fused activation is a clamp whose bounds are integers of the output."""
        if not self.clamp(activation):
            return False
        quantization = self.output.quantization
        assert quantization is not None
        try:
            low, high = activation_range(activation, quantization.scale, quantization.zero_point, self.output.dtype)
        except OverflowError:
            return self.require(False, "the output's scale is too small for its activation")
        return self.require(low <= high, f"its activation {activation} leaves no value of the output")

    def requantizes(self, low: int, high: int, real: float) -> bool:
        """Values from `low` to `high` times `real` stay within 32 bits on the way, as TFLM's arithmetic needs."""
        shift = quantize_multiplier(real)[1] if math.isfinite(real) else LARGEST_SHIFT + 1
        least, most = INTEGER_RANGES["int32"]
        factor = 1 << max(shift, 0)
        return self.require(
            shift <= LARGEST_SHIFT and least <= low * factor and high * factor <= most,
            f"its sums, {low} to {high}, scaled by {real:.3g} do not fit in 32 bits",
            "Quantize again with data like the real input",
        )
