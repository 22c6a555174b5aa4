"""Test vectors: what is fed to the judge and to the compiled model to prove them equal.

    vectors(graph, count=200, seed=0) -> [array (count, *shape) for each model input]

A mix by turns: uniform noise reaches every value, gaussian noise stays near the zero point where real activations
lie, ramps are smooth as images and spectra are, extremes drive accumulators to their bounds and clamps. Vector number
i depends on the seed and i alone, so a longer run repeats a shorter one and goes on.
Values are drawn in quanta (multiples of the input's scale); a float32 input gets them times the scale of the QUANTIZE
that reads it, ties of the rounding included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinykit.errors import InputError
from tinykit.graph.model import Graph, Tensor


@dataclass(frozen=True)
class Range:
    """The quanta that an input may hold: `low` to `high` inclusive, and the one that means 0.0."""

    low: float
    high: float
    zero: float

    @property
    def width(self) -> float:
        """From the lowest to the highest value."""
        return self.high - self.low


Draw = Callable[[np.random.Generator, tuple[int, ...], Range], np.ndarray]


def vectors(graph: Graph, count: int, seed: int = 0) -> list[np.ndarray]:
    """Deterministic test vectors, one array (count, *tensor shape) of the tensor's dtype for each model input.

    Raises: InputError for a count below 1 or a negative seed.
    """
    if count < 1 or seed < 0:
        raise InputError(
            "test vectors need a count of at least 1 and a seed of at least 0", found=f"{count} and {seed}"
        )
    return [_for_input(graph, position, count, seed) for position in range(len(graph.inputs))]


def _for_input(graph: Graph, position: int, count: int, seed: int) -> np.ndarray:
    tensor = graph.tensor(graph.inputs[position])
    values, scale = _range(graph, tensor)
    batch = np.empty((count, *tensor.shape), tensor.dtype)
    for number in range(count):
        # In the first turn all inputs are of one kind; later turns combine different kinds.
        turn, place = divmod(number, len(KINDS))
        draw = KINDS[(place + turn * position) % len(KINDS)]
        random = np.random.default_rng([seed, position, number])
        quanta = draw(random, tensor.shape, values)
        if tensor.dtype == "float32":
            batch[number] = (quanta - values.zero) * scale
        else:
            batch[number] = np.clip(np.rint(quanta), values.low, values.high)
    return batch


def _range(graph: Graph, tensor: Tensor) -> tuple[Range, float]:
    """The quanta of an input, and the scale that makes floats of them (for float32 inputs)."""
    if tensor.dtype == "float32":
        reader = next((o for o in graph.consumers(tensor.index) if o.op == "QUANTIZE"), None)
        quantized = graph.tensor(reader.outputs[0]) if reader else None
        if quantized is None or quantized.quantization is None:
            return Range(-128, 127, 0), 1 / 128
        return _range(graph, quantized)[0], quantized.quantization.scale
    zero = float(tensor.quantization.zero_point) if tensor.quantization is not None else 0.0
    if tensor.dtype == "bool":
        return Range(0, 1, 0), 1.0
    picked_from = _picked_from(graph, tensor)
    if picked_from is not None:
        return Range(0, picked_from - 1, 0), 1.0
    if tensor.dtype == "int64":  # Beyond it float64 has gaps.
        return Range(-(2.0**53), 2.0**53, 0), 1.0
    limits = np.iinfo(tensor.dtype)
    return Range(float(limits.min), float(limits.max), min(max(zero, limits.min), limits.max)), 1.0


def _picked_from(graph: Graph, tensor: Tensor) -> int | None:
    """How many things there are to pick from, for an input of indices: TFLM reads outside for others."""
    counts = []
    for operator in graph.consumers(tensor.index):
        if operator.op not in ("GATHER", "GATHER_ND", "EMBEDDING_LOOKUP"):
            continue
        names_first = operator.op == "EMBEDDING_LOOKUP"
        if operator.inputs[0 if names_first else 1] != tensor.index:
            continue
        values = graph.tensor(operator.inputs[1 if names_first else 0]).shape
        axis = operator.options.axis if operator.op == "GATHER" else 0
        counts.append(min(values[: tensor.shape[-1]]) if operator.op == "GATHER_ND" else values[axis])
    return min(counts, default=None)


# --- kinds of vectors, in quanta ------------------------------------------------------------------


def _uniform(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    # Half of them are exact ties: they matter where a float32 input is rounded, and are harmless elsewhere.
    quanta = random.uniform(values.low - 0.5, values.high + 0.5, shape)
    return np.where(random.random(shape) < 0.5, quanta, np.floor(quanta) + 0.5)


def _near_zero(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    deviation = values.width * 2.0 ** random.uniform(-7, -2)
    return random.normal(values.zero, deviation, shape)


def _ramp(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    """A plane over the axes, folded back where it leaves the range."""
    plane = np.full(shape, random.uniform(0, 2))
    for axis, size in enumerate(shape):
        steps = np.linspace(0, random.uniform(-2, 2), size)
        plane = plane + steps.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return values.low + values.width * (1 - np.abs(plane % 2 - 1))


def _extremes(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    return np.where(random.random(shape) < random.uniform(0.1, 0.9), values.low, values.high)


def _lowest(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    return np.full(shape, values.low)


def _highest(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    return np.full(shape, values.high)


def _zeros(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    return np.full(shape, values.zero)


def _alternating(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    places = np.arange(int(np.prod(shape))).reshape(shape)
    return np.where((places + random.integers(2)) % 2 == 0, values.low, values.high)


def _one_extreme(random: np.random.Generator, shape: tuple[int, ...], values: Range) -> np.ndarray:
    """One value far from all the others: the zero point or an extreme around it."""
    background, spike = random.choice([values.low, values.zero, values.high], 2, replace=False)
    quanta = np.full(shape, background)
    quanta.flat[random.integers(quanta.size)] = spike
    return quanta


KINDS: tuple[Draw, ...] = (
    _uniform,
    _lowest,
    _near_zero,
    _highest,
    _ramp,
    _alternating,
    _uniform,
    _extremes,
    _near_zero,
    _one_extreme,
    _ramp,
    _zeros,
)
