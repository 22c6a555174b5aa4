"""Writes docs/operators.md: what is compiled of each operator, where, and who judges it; found by asking the code.

Run from the repository's root: python scripts/operators.py
"""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np

from tinykit.files import write_atomic
from tinykit.graph.definition import Inspection
from tinykit.graph.model import Graph, Operator, Quantization, Tensor
from tinykit.graph.ops import REGISTRY
from tinykit.graph.support import FIXES, TENSOR_TYPES
from tinykit.kernels import registry

PAGE = Path(__file__).parents[1] / "docs" / "operators.md"
KERNELS = Path(registry.__file__).parent

BEYOND_TFLM = {
    "GELU": "all",
    "RELU_N1_TO_1": "all",
    "TILE": "all",
    "BUCKETIZE": "all",
    "REDUCE_ALL": "all",
    "REDUCE_ANY": "all",
    "EXP": "int8",
    "LOG": "int8",
    "ARG_MAX": "int64",
    "ARG_MIN": "int64",
    "CAST": "int64",
    "CONCATENATION": "more than 10 inputs",
    "STRIDED_SLICE": "5 axes",
    "UNPACK": "bool",
    "REDUCE_MAX": "int16",
    "REDUCE_MIN": "int16",
}
"""Operators, or types and shapes of them, that TFLM lacks."""

TOLD_JUDGES = {"SELECT": "TFLM's SELECT_V2", "SQRT": "TFLM; TensorFlow Lite 2.21 for int8"}

REASONS = {
    "WHILE": "a loop, as a converter of your own makes of GRU, SimpleRNN, and LSTM with masks or unusual activations",
    "IF": "branches have no fixed order",
    "CONV_3D": "TFLM lacks it, and the converter leaves it in float32: Conv3D",
    "CONV_3D_TRANSPOSE": "TFLM lacks it, and the converter leaves it in float32: Conv3DTranspose",
    "POW": "TFLM lacks it",
}
"""Why those operators are not compiled for which `check` has advice."""

VALUES = {"SELECT": 1, "SELECT_V2": 1, "SPLIT": 1, "FILL": 1, "TRANSPOSE_CONV": 2}
"""Which input holds the values where it is not the first."""

TOLD = {
    "CALL_ONCE": "-",
    "EMBEDDING_LOOKUP": "int8, float32",
    "SPLIT_V": "int8, int16, int32, float32",
    "VAR_HANDLE": "-",
    "SVDF": "int8",
    "TRANSPOSE_CONV": "int8, int16, float32",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "int8, int16",
}
"""Types of operators whose checks cannot be asked one type at a time."""

_HEAD = """# Operators

Made by `python scripts/operators.py` from the code; do not edit. What is compiled of each operator, by the element type
of its values, and which modules in `tinykit/kernels/` lower it (the C is in the headers that they name). "no code": it
only declares something. A model that uses an operator in another way is refused by `tinykit check`, which names every
such layer and what to change.

Limits of shapes and attributes are in [arithmetic.md](arithmetic.md) and [movement.md](movement.md). The judge is TFLM,
or, where TFLM lacks the operator, the reference kernels of TensorFlow Lite 2.19 ([verify.md](verify.md)).

| operator | types | lowered in | judge |
|---|---|---|---|
"""

_UNSUPPORTED = """
## Not compiled

What becomes of every ordinary Keras layer is in [keras.md](keras.md).

| operator | why | what to do |
|---|---|---|
"""

_LIMITS = (
    (
        "LayerNormalization in int16x8",
        "the converter gives a zero the scale 0, on which TFLM stops",
        "Keep the model in int8",
    ),
    ("custom and flex operators", "no kernel is known for them", "Replace the layer by built-in operators"),
    (
        "any in a float or dynamic-range model",
        "float32 operators are compiled beside quantized ones, not alone, and with weights in float32 too",
        "`tinykit quantize MODEL.keras --data SET.npz`",
    ),
)


class _Asking(Inspection):
    """An inspection to which all checks hold but those of element types, and which goes on until it knows."""

    def __init__(self, graph: Graph, operator: Operator) -> None:
        super().__init__(graph, operator)
        self.refused = False

    def require(self, holds: bool, why: str, fix: str = "") -> bool:
        """Holds, but where it is about types."""
        about_types = why.startswith("it takes ")
        self.refused |= about_types and not holds
        return holds or not about_types

    def dtype(self, tensor: Tensor, *allowed: str) -> bool:
        """Whether it is one of these; types of other inputs and of the output are tried by the caller."""
        holds = tensor.dtype in allowed
        self.refused |= not holds
        return holds

    def computes_in_float(self, *tensors: Tensor) -> bool:
        """As in a model that is quantized elsewhere."""
        return all(tensor.dtype == "float32" for tensor in tensors)


def _tensor(index: int, dtype: str) -> Tensor:
    """A tensor that has everything a check may look at."""
    values = np.ones((1, 1, 1, 1), "float32" if dtype == "float32" else dtype)
    one = Quantization(np.array([0.5], np.float32), np.array([0], np.int64))
    return Tensor(index, f"t{index}", (1, 1, 1, 1), dtype, None if dtype == "float32" else one, data=values)


def _holds(op: str, dtypes: tuple[str, ...], result: str) -> bool:
    tensors = {k: _tensor(k, dtype) for k, dtype in enumerate((*dtypes, result))}
    operator = Operator("asked", op, tuple(range(len(dtypes))), (len(dtypes),), MagicMock())
    graph = Graph("asked", tensors, (operator,), (0,), (len(dtypes),), "", 0)
    asking = _Asking(graph, operator)
    with contextlib.suppress(Exception):  # the options are empty, so checks may fail once the types are known to fit
        REGISTRY[op].inspect(asking)
    return not asking.refused


def takes(op: str, dtype: str) -> bool:
    """Whether the operator's own checks allow values of this type, with other inputs and a result that fit."""
    place = VALUES.get(op, 0)
    for second, third in itertools.product((dtype, "int8", "int32", "bool"), (dtype, "int32")):
        dtypes = [second, third, third, third]
        dtypes.insert(place, dtype)
        if any(_holds(op, tuple(dtypes), result) for result in (dtype, "int8", "int16", "int32", "float32", "bool")):
            return True
    return False


def types(op: str) -> str:
    """The types of values that an operator takes, in words."""
    if op in TOLD:
        return TOLD[op]
    found = [dtype for dtype in TENSOR_TYPES if takes(op, dtype)]
    return "all" if len(found) == len(TENSOR_TYPES) else ", ".join(found)


def modules(op: str) -> str:
    """The modules in `tinykit/kernels/` that offer steps for an operator."""
    names = sorted({offer.__module__.rsplit(".", 1)[1] for offer in registry.offers(op)})
    return ", ".join(f"`{name}.py`" for name in names) or "no code"


def judge(op: str) -> str:
    """Who says what the right bytes are."""
    lacks = BEYOND_TFLM.get(op)
    if op in TOLD_JUDGES:
        return TOLD_JUDGES[op]
    reference = "TensorFlow Lite 2.19"
    return {None: "TFLM", "all": reference}.get(lacks, f"TFLM; {reference} for {lacks}")


def page() -> str:
    """The whole page."""
    rows = [f"| {op} | {types(op)} | {modules(op)} | {judge(op)} |" for op in sorted(REGISTRY)]
    lacking = [(op, REASONS[op], FIXES[op]) for op in sorted(FIXES) if op not in REGISTRY]
    refused = [f"| {' | '.join(row)} |" for row in (*lacking, *_LIMITS)]
    return _HEAD + "\n".join(rows) + "\n" + _UNSUPPORTED + "\n".join(refused) + "\n"


def main() -> None:
    """Write the page."""
    write_atomic(PAGE, page())


if __name__ == "__main__":
    main()
