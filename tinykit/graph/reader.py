"""Reads a .tflite file into a `Graph`, checking everything that later rooms rely on.

What a sound file may hold beyond what tinykit compiles (other operators, types) is read all the same, so that
`graph.support` can name it; what no sound file holds is a `ModelError`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.features.description import attached
from tinykit.features.frontend import FrontEnd
from tinykit.graph.arithmetic import INTEGER_RANGES
from tinykit.graph.definition import Operands
from tinykit.graph.flatbuffer import REPAIR, Source, Table, empty_table
from tinykit.graph.int4 import unpack_weights
from tinykit.graph.labels import read_labels
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Quantization, Tensor
from tinykit.graph.names import c_identifier, layer_name, shown, unique
from tinykit.graph.ops import REGISTRY
from tinykit.graph.schema import (
    BUFFER,
    CUSTOM,
    MODEL,
    OPERATOR,
    OPERATOR_CODE,
    OPERATORS,
    QUANTIZATION,
    SUBGRAPH,
    TENSOR,
    TENSOR_TYPES,
)
from tinykit.graph.variables import Key, assigned, cleared, resolve

IDENTIFIER = b"TFL3"
LARGEST_FILE = 1 << 31
LARGEST_TENSOR = 1 << 26
"""Bytes of one tensor: 64 MiB is beyond any microcontroller, and keeps hostile shapes from costing memory."""
LARGEST_RANK = 8
MOST_OPERATORS = 2048
MOST_PORTS = 64

ITEM_BYTES = {
    "float32": 4, "int32": 4, "uint8": 1, "int64": 8, "bool": 1, "int16": 2, "int8": 1, "float16": 2,
    "float64": 8, "complex64": 8, "complex128": 16, "uint64": 8, "uint32": 4, "uint16": 2,
}  # fmt: skip
"""Types whose constants can be shown as numpy arrays. Others (int4, string, ...) are kept as raw bytes."""

OTHER_FILES = (
    (b"<", "a web page or XML, not a model", "Download the raw file, not the page that shows it"),
    (b"version https://git-lfs", "a Git LFS pointer, not the model itself", "Run git lfs pull"),
    (b"\x89HDF", "a Keras .h5 file", "Quantize it first: tinykit quantize MODEL.h5 --data SET.npz"),
    (b"PK\x03\x04", "a zip archive", "If it is a .keras file: tinykit quantize MODEL.keras --data SET.npz"),
    (b"\x08", "perhaps an ONNX or TensorFlow protobuf", "Convert it to .tflite first"),
)
"""First bytes of files that people mistake for models, what they are, and what to do."""


def read_graph(source: Path | bytes, name: str | None = None) -> Graph:
    """Read a .tflite model.

    Args:
        source: the file's path, or its bytes.
        name: for generated code; made a C identifier. Default: the file's stem, or "model".

    Raises: ModelError if the file is missing, not a .tflite, truncated, corrupt or inconsistent.
    """
    if isinstance(source, bytes):
        return _graph(source, name or "model")
    data = _load(Path(source))
    try:
        return _graph(data, name or Path(source).stem)
    except ModelError as error:
        error.what = f"{source}: {error.what}"
        raise


def _graph(data: bytes, name: str) -> Graph:
    _identify(data)
    return _Reader(data).graph(c_identifier(name))


def _load(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder", expected="a .tflite file")
        if not path.is_file():
            raise ModelError(f"there is no model at {path}", next_step="Check the path")
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(f"{path} is larger than any .tflite file can be", expected=f"at most {LARGEST_FILE} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{str(path)!r} cannot be read", found=getattr(error, "strerror", None) or error) from error


def _identify(data: bytes) -> None:
    if not data:
        raise ModelError("the model file is empty", expected="a .tflite file", found="0 bytes", next_step=REPAIR)
    if data[4:8] == IDENTIFIER:
        return
    for start, what, advice in OTHER_FILES:
        if data.lstrip()[: len(start)] == start:
            raise ModelError("this is not a .tflite model", found=what, next_step=advice)
    raise ModelError(
        "this is not a .tflite model",
        expected=f"{IDENTIFIER.decode()!r} at byte 4",
        found=repr(data[4:8]) if len(data) >= 8 else f"only {len(data)} bytes",
        next_step=REPAIR,
    )


class _Reader:
    """One graph of a file being read. Tensors are read when first referred to, each once."""

    def __init__(self, data: bytes, number: int = 0) -> None:
        self.data = data
        root = Source(data, IDENTIFIER).root()
        version = root.integer(MODEL.version, "I")
        if version != 3:
            raise ModelError("the model has another schema version", expected=3, found=version)
        subgraphs = root.tables(MODEL.subgraphs)
        if not len(subgraphs):
            raise ModelError("the model holds no graph", next_step=REPAIR)
        # Only CALL_ONCE and operators that tinykit does not compile (IF, WHILE, ...) reach further subgraphs.
        if not 0 <= number < len(subgraphs):
            raise ModelError("an operator refers to a graph that does not exist", expected=f"0 to {len(subgraphs) - 1}",
                             found=number, next_step=REPAIR)  # fmt: skip
        self.subgraph = subgraphs[number]
        self.codes = root.tables(MODEL.operator_codes)
        self.buffers = root.tables(MODEL.buffers)
        self.records = self.subgraph.tables(SUBGRAPH.tensors)
        self.tensors: dict[int, Tensor] = {}

    def graph(self, name: str) -> Graph:
        """The whole graph, checked."""
        inputs = self._ports(SUBGRAPH.inputs, "inputs")
        outputs = self._ports(SUBGRAPH.outputs, "outputs")
        for index in inputs:
            if self.tensor(index).is_constant:
                raise ModelError(f"input '{shown(self.tensor(index).name)}' is a constant", next_step=REPAIR)
        operators, tensors = resolve(self.operators(set(inputs)), self.tensors, self._initial_values)
        self.tensors = unpack_weights(operators, tensors)
        produced = {i for operator in operators for i in operator.outputs}
        for index in outputs:
            if index not in produced:
                raise ModelError(f"no operator computes output '{shown(self.tensor(index).name)}'", next_step=REPAIR)
        shape = self.tensors[outputs[0]].shape
        return Graph(
            name=name,
            tensors=self.tensors,
            operators=operators,
            inputs=inputs,
            outputs=outputs,
            sha256=hashlib.sha256(self.data).hexdigest(),
            size=len(self.data),
            labels=read_labels(self.data, shape[-1] if shape else 1),
            features=self._front_end([self.tensors[index] for index in inputs]),
        )

    def _front_end(self, inputs: list[Tensor]) -> FrontEnd | None:
        """The front end that the file describes. Raises: ModelError where it makes no input of this model."""
        front = attached(self.data)
        if front is None:
            return None
        values, first = front.frames * front.columns, inputs[0]
        quantized = first.quantization is not None and len(first.quantization.scales) == 1
        if len(inputs) != 1 or (first.dtype, first.elements, quantized) != ("int8", values, True) or not front.means:
            raise ModelError(
                "the front end that the model describes makes another input",
                expected=f"one input of {values} int8 values",
                found=f"{len(inputs)} inputs, the first {first.dtype} {first.shape}",
                page="front-end",
            )
        return front

    def _initial_values(self, number: int) -> dict[Key, Tensor] | None:
        """What the graph that CALL_ONCE runs assigns to variables; None where it does anything else."""
        if number == 0:
            return None
        first = _Reader(self.data, number)
        return assigned(first.operators(set()), first.tensors)

    def tensor(self, index: int) -> Tensor:
        """The tensor with this index."""
        if index not in self.tensors:
            if not 0 <= index < len(self.records):
                raise ModelError(
                    "an operator refers to a tensor that does not exist",
                    expected=f"0 to {len(self.records) - 1}",
                    found=index,
                    next_step=REPAIR,
                )
            self.tensors[index] = self._read_tensor(index, self.records[index])
        return self.tensors[index]

    # --- ports and operators ----------------------------------------------------------------------

    def _ports(self, position: int, role: str) -> tuple[int, ...]:
        indices = self.subgraph.numbers(position, "<i4")
        if not 1 <= len(indices) <= MOST_PORTS or len(set(indices.tolist())) != len(indices):
            raise ModelError(f"the model has no sound list of {role}", expected=f"1 to {MOST_PORTS} different tensors",
                             found=f"{len(indices)}", next_step=REPAIR)  # fmt: skip
        for index in indices.tolist():
            self.tensor(index)
        return tuple(indices.tolist())

    def operators(self, inputs: set[int]) -> tuple[Operator, ...]:
        """All operators in order; what they read is among `inputs`, constant, a state, or computed before."""
        records = self.subgraph.tables(SUBGRAPH.operators)
        if not 1 <= len(records) <= MOST_OPERATORS:
            raise ModelError("the model computes nothing" if not len(records) else "the model is too large",
                             expected=f"1 to {MOST_OPERATORS} operators", found=len(records))  # fmt: skip
        available = set(inputs)
        operators = []
        for position in range(len(records)):
            operator = self._operator(position, records[position], available)
            available.update(operator.outputs)
            operators.append(operator)
        names = unique([layer_name(self._output_name(o), o.op) for o in operators])
        return tuple(
            Operator(name, o.op, o.inputs, o.outputs, o.options, o.source)
            for name, o in zip(names, operators, strict=True)
        )

    def _operator(self, position: int, record: Table, available: set[int]) -> Operator:
        op = self._operator_name(record.integer(OPERATOR.opcode_index, "I"))
        where = f"operator {position} ({op})"
        inputs = tuple(record.numbers(OPERATOR.inputs, "<i4").tolist())
        outputs = tuple(record.numbers(OPERATOR.outputs, "<i4").tolist())
        for place, index in enumerate(inputs):
            if index != NO_TENSOR:
                self._check_readable(index, op, where, available, place)
        for index in outputs:
            tensor = self.tensor(index)
            if index in available or tensor.is_constant or tensor.initial is not None or outputs.count(index) > 1:
                raise ModelError(f"{where} writes '{shown(tensor.name)}', which is written elsewhere or constant",
                                 next_step=REPAIR)  # fmt: skip
        return Operator("", op, inputs, outputs, self._options(record, op, where, inputs, outputs), position)

    def _check_readable(self, index: int, op: str, where: str, available: set[int], place: int) -> None:
        tensor = self.tensor(index)
        if index in available or tensor.is_constant:
            return
        if tensor.initial is not None:
            if op not in REGISTRY or place in REGISTRY[op].states:
                return
            raise ModelError(f"{where} reads '{shown(tensor.name)}', which keeps state between inferences",
                             next_step="Use a model whose state only its LSTM and SVDF layers read")  # fmt: skip
        raise ModelError(
            f"{where} reads '{shown(tensor.name)}' before it is computed: operators are out of order or in a circle",
            next_step=REPAIR,
        )

    def _operator_name(self, index: int) -> str:
        if index >= len(self.codes):
            raise ModelError("an operator has no operator code", expected=f"0 to {len(self.codes) - 1}", found=index,
                             next_step=REPAIR)  # fmt: skip
        record = self.codes[index]
        code = max(
            record.integer(OPERATOR_CODE.deprecated_builtin_code, "b"), record.integer(OPERATOR_CODE.builtin_code, "i")
        )
        if code == CUSTOM:
            custom = record.text(OPERATOR_CODE.custom_code, 60)
            return f"CUSTOM {custom}".strip()
        return OPERATORS[code] if 0 <= code < len(OPERATORS) else f"BUILTIN_{code}"

    def _options(self, record: Table, op: str, where: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Any:
        definition = REGISTRY.get(op)
        if definition is None:
            return None
        table = None
        if definition.options_kind is not None:
            kind = record.integer(OPERATOR.options_kind, "B")
            if kind not in (0, definition.options_kind):
                raise ModelError(f"{where} has the options of another operator", expected=definition.options_kind,
                                 found=kind, next_step=REPAIR)  # fmt: skip
            table = record.table(OPERATOR.options) if kind else None
        operands = Operands(
            tuple(None if i == NO_TENSOR else self.tensor(i) for i in inputs),
            tuple(self.tensor(i) for i in outputs),
        )
        return definition.parse(table or empty_table(), operands)

    def _output_name(self, operator: Operator) -> str:
        return self.tensor(operator.outputs[0]).name if operator.outputs else ""

    # --- tensors ----------------------------------------------------------------------------------

    def _read_tensor(self, index: int, record: Table) -> Tensor:
        name = record.text(TENSOR.name) or f"tensor_{index}"
        number = record.integer(TENSOR.type, "b")
        if not 0 <= number < len(TENSOR_TYPES):
            raise ModelError(f"tensor '{shown(name)}' has an unknown type", found=number, next_step=REPAIR)
        dtype = TENSOR_TYPES[number]
        shape = self._shape(name, record, dtype)
        data = self._constant(name, record, shape, dtype)
        quantization = self._quantization(name, record, shape, dtype)
        is_state = record.flag(TENSOR.is_variable) and data is None and dtype in ITEM_BYTES
        initial = cleared(shape, dtype, quantization if dtype == "int8" else None) if is_state else None
        return Tensor(index, name, shape, dtype, quantization, data, source=index, initial=initial)

    def _shape(self, name: str, record: Table, dtype: str) -> tuple[int, ...]:
        sizes = record.numbers(TENSOR.shape, "<i4")
        if len(sizes) > LARGEST_RANK:
            raise ModelError(f"tensor '{shown(name)}' has too many dimensions", expected=f"at most {LARGEST_RANK}",
                             found=len(sizes))  # fmt: skip
        shape = tuple(sizes.tolist())
        count = 1
        for size in shape:
            if size < 1:
                raise ModelError(f"tensor '{shown(name)}' has no fixed shape", found=shape,
                                 next_step="Convert the model with its batch fixed to 1")  # fmt: skip
            count *= size
        if count * ITEM_BYTES.get(dtype, 1) > LARGEST_TENSOR:
            raise ModelError(f"tensor '{shown(name)}' of shape {shape} is too large for any microcontroller",
                             expected=f"at most {LARGEST_TENSOR} bytes")  # fmt: skip
        return shape

    def _constant(self, name: str, record: Table, shape: tuple[int, ...], dtype: str) -> np.ndarray | None:
        index = record.integer(TENSOR.buffer, "I")
        if record.integer(TENSOR.external_buffer, "I"):
            raise ModelError(
                f"tensor '{shown(name)}' keeps its values outside the file", next_step="Convert into one file"
            )
        if record.has(TENSOR.sparsity):
            raise ModelError(f"tensor '{shown(name)}' is stored sparse",
                             next_step="Convert without experimental sparsity")  # fmt: skip
        if index >= len(self.buffers):
            raise ModelError(f"tensor '{shown(name)}' refers to a buffer that does not exist",
                             expected=f"0 to {len(self.buffers) - 1}", found=index, next_step=REPAIR)  # fmt: skip
        buffer = self.buffers[index]
        if buffer.integer(BUFFER.offset, "Q") > 1 or buffer.integer(BUFFER.size, "Q") > 1:
            raise ModelError(f"tensor '{shown(name)}' keeps its values behind the flatbuffer, as models over 2 GB do",
                             next_step="Use a smaller model")  # fmt: skip
        raw = self._buffer_bytes(buffer)
        if not len(raw) or dtype not in ITEM_BYTES:
            return raw if len(raw) else None
        expected = int(np.prod(shape, dtype=np.int64)) * ITEM_BYTES[dtype]
        if len(raw) != expected:
            raise ModelError(f"constant '{shown(name)}' of shape {shape} and type {dtype} has the wrong size",
                             expected=f"{expected} bytes", found=len(raw), next_step=REPAIR)  # fmt: skip
        return raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)

    def _buffer_bytes(self, buffer: Table) -> np.ndarray:
        # Buffers may be shared by many tensors, and views of them cost nothing: the budget is not for them.
        budget = buffer.source.budget
        raw = buffer.numbers(BUFFER.data, "u1")
        buffer.source.budget = budget
        return raw

    def _quantization(self, name: str, record: Table, shape: tuple[int, ...], dtype: str) -> Quantization | None:
        table = record.table(TENSOR.quantization)
        if table is None or dtype.startswith("float"):
            return None
        scales = table.numbers(QUANTIZATION.scale, "<f4")
        zero_points = table.numbers(QUANTIZATION.zero_point, "<i8")
        if table.integer(QUANTIZATION.details_kind, "B"):
            raise ModelError(f"tensor '{shown(name)}' has custom or block-wise quantization",
                             next_step="Convert to plain int8")  # fmt: skip
        if not len(scales) or not len(zero_points):  # TFLM, too, takes such a tensor as not quantized.
            return None
        axis = table.integer(QUANTIZATION.quantized_dimension, "i")
        if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
            raise ModelError(f"tensor '{shown(name)}' of shape {shape} has {len(scales)} scales along dimension {axis}",
                             next_step=REPAIR)  # fmt: skip
        if len(zero_points) not in (1, len(scales)):
            raise ModelError(f"tensor '{shown(name)}' has {len(scales)} scales and {len(zero_points)} zero points",
                             next_step=REPAIR)  # fmt: skip
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise ModelError(f"tensor '{shown(name)}' has a scale that is not a positive number", next_step=REPAIR)
        low, high = INTEGER_RANGES.get(dtype, INTEGER_RANGES["int32"])
        if (zero_points < low).any() or (zero_points > high).any():
            raise ModelError(f"tensor '{shown(name)}' has a zero point outside {dtype}", next_step=REPAIR)
        return Quantization(scales, np.broadcast_to(zero_points, scales.shape), axis if len(scales) > 1 else 0)
