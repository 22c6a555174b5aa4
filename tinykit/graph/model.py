"""The int8 model as tinykit sees it: tensors, operators, quantization. Plain data; no behaviour beyond look-ups."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinykit.features.frontend import FrontEnd

NO_TENSOR = -1
"""The index of an optional operator input that is absent."""


@dataclass(frozen=True, eq=False)
class Quantization:
    """Affine quantization: real = scale * (q - zero_point).

    Attributes:
        scales: float32, one for the tensor or one a slice along `axis`.
        zero_points: int64, as many as `scales`.
        axis: the quantized dimension where there are several scales.
    """

    scales: np.ndarray
    zero_points: np.ndarray
    axis: int = 0

    @property
    def scale(self) -> float:
        """The one scale of a per-tensor quantization (float32 value as a Python float)."""
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The one zero point of a per-tensor quantization."""
        return int(self.zero_points[0])


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value that flows between operators, or a constant.

    Attributes:
        index: position in `Graph.tensors`; the .tflite's own index for tensors that came from it.
        name: as in the .tflite.
        shape: all dimensions, batch included, each at least 1.
        dtype: "int8", "int16", "int32", "int64", "uint8", "float32" or "bool".
        quantization: None for unquantized tensors.
        data: the values of a constant, of `shape` and `dtype`; None where the tensor is computed.
        source: index in the .tflite of the tensor whose bytes this one equals (channel for channel, see `kept`),
            so that it can be compared with TFLM's; None where rewrites left no counterpart.
        kept: where a rewrite removed channels of the last axis, the channels of `source` that remain.
        initial: the values before the first inference of a state, which keeps its values from one inference to the
            next; None for all other tensors.
        is_int4: whether a constant int8 has four bits in the file, and so values from -8 to 7.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    source: int | None = None
    kept: tuple[int, ...] | None = None
    initial: np.ndarray | None = None
    is_int4: bool = False

    @property
    def elements(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes in memory, unpadded."""
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def is_constant(self) -> bool:
        """Whether the values are known before any inference."""
        return self.data is not None


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of the graph.

    Attributes:
        name: the layer's name for people: from the output tensor's name, unique in the graph.
        op: TFLite builtin name such as "CONV_2D".
        inputs, outputs: tensor indices; NO_TENSOR for an absent optional input.
        options: the operator's own frozen dataclass, see graph/ops/.
        source: position in the .tflite's operator list; None for an operator that a rewrite made.
    """

    name: str
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = None
    source: int | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model, operators in execution order.

    Attributes:
        name: a C identifier for generated code.
        tensors: by index.
        inputs, outputs: tensor indices in signature order.
        sha256: hex digest of the .tflite file's bytes.
        size: bytes of the .tflite file.
        labels: class names, empty if unknown.
        features: the front end that makes the input from raw samples, None where the file describes none.
    """

    name: str
    tensors: dict[int, Tensor]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    sha256: str
    size: int
    labels: tuple[str, ...] = field(default=())
    features: FrontEnd | None = None

    def tensor(self, index: int) -> Tensor:
        """The tensor with this index."""
        return self.tensors[index]

    @property
    def states(self) -> tuple[Tensor, ...]:
        """The tensors that keep their values between inferences, by index."""
        return tuple(t for _, t in sorted(self.tensors.items()) if t.initial is not None)

    def producer(self, index: int) -> Operator | None:
        """The operator that computes this tensor, if any."""
        return next((o for o in self.operators if index in o.outputs), None)

    def consumers(self, index: int) -> tuple[Operator, ...]:
        """The operators that read this tensor."""
        return tuple(o for o in self.operators if index in o.inputs)

    def with_changes(self, **changes: Any) -> Graph:
        """A copy with some fields replaced (graphs are never changed in place)."""
        return replace(self, **changes)
