"""Builds one .tflite model in memory, tensor by tensor and operator by operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tinykit.graph.int4 import packed

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
    "bool": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
    "int4": schema.TensorType.INT4,
}

# The options table of each operator that has one, by the schema's name without "Options".
OPTIONS = {
    "CONV_2D": "Conv2D",
    "TRANSPOSE_CONV": "TransposeConv",
    "BATCH_MATMUL": "BatchMatMul",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    "SVDF": "SVDF",
    "VAR_HANDLE": "VarHandle",
    "CALL_ONCE": "CallOnce",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "FULLY_CONNECTED": "FullyConnected",
    "AVERAGE_POOL_2D": "Pool2D",
    "MAX_POOL_2D": "Pool2D",
    "L2_POOL_2D": "Pool2D",
    "FLOOR_MOD": "FloorMod",
    "MEAN": "Reducer",
    "ADD": "Add",
    "RESHAPE": "Reshape",
    "PAD": "Pad",
    "PADV2": "PadV2",
    "SOFTMAX": "Softmax",
    "QUANTIZE": "Quantize",
    "DEQUANTIZE": "Dequantize",
    "SUB": "Sub",
    "MUL": "Mul",
    "DIV": "Div",
    "LEAKY_RELU": "LeakyRelu",
    "GELU": "Gelu",
    "L2_NORMALIZATION": "L2Norm",
    "CUMSUM": "Cumsum",
    "SUM": "Reducer",
    "REDUCE_MAX": "Reducer",
    "REDUCE_MIN": "Reducer",
    "ARG_MAX": "ArgMax",
    "ARG_MIN": "ArgMin",
    "CAST": "Cast",
    "BUCKETIZE": "Bucketize",
    "REDUCE_ANY": "Reducer",
    "REDUCE_ALL": "Reducer",
    "CONCATENATION": "Concatenation",
    "DEPTH_TO_SPACE": "DepthToSpace",
    "GATHER": "Gather",
    "MIRROR_PAD": "MirrorPad",
    "PACK": "Pack",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "SHAPE": "Shape",
    "SPACE_TO_DEPTH": "SpaceToDepth",
    "SPLIT": "Split",
    "SPLIT_V": "SplitV",
    "SQUEEZE": "Squeeze",
    "STRIDED_SLICE": "StridedSlice",
    "UNPACK": "Unpack",
}


@dataclass
class Value:
    """A tensor of the model being built: its TFLite index, shape, dtype and per-tensor quantization."""

    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0
    scales: np.ndarray = field(default_factory=lambda: np.array([], np.float32))
    """All scales, where the tensor is quantized slice by slice."""


@dataclass
class ModelBuilder:
    """Collects tensors and operators of one subgraph; `finish` gives the .tflite bytes.

    `seed` decides every random weight that the operator functions below draw.
    """

    seed: int = 0
    random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        self._operators: list[Any] = []
        self._codes: list[str | int] = []
        self._inputs: list[int] = []
        self._last: list[int] = []
        self._further: list[ModelBuilder] = []

    def subgraph(self) -> ModelBuilder:
        """Another graph of the same file, number 1, 2, ...; it runs where an operator says so."""
        other = ModelBuilder(self.seed)
        other._buffers, other._codes = self._buffers, self._codes
        self._further.append(other)
        return other

    def input(self, shape: Sequence[int], scale: float = 0.05, zero_point: int = -3, dtype: str = "int8") -> Value:
        """Add a model input; one of float32, int32, int64 or bool has no quantization."""
        scale = 0.0 if dtype == "int32" else scale
        value = self._computed(f"input_{len(self._inputs)}", shape, dtype, scale, zero_point)
        self._inputs.append(value.index)
        return value

    def int4(self, array: np.ndarray, scales: Sequence[float] | np.ndarray, axis: int = 0) -> Value:
        """Add a constant of int8 values from -8 to 7, stored with four bits."""
        value = self.constant(packed(array), scales, [0], axis)
        self._tensors[value.index].shape = list(array.shape)
        self._tensors[value.index].type = TYPES["int4"]
        return Value(value.index, tuple(array.shape), "int4", value.scale, 0, value.scales)

    def constant(
        self,
        array: np.ndarray,
        scales: Sequence[float] | np.ndarray = (),
        zero_points: Sequence[int] | np.ndarray = (0,),
        axis: int = 0,
        name: str | None = None,
    ) -> Value:
        """Add a constant tensor; several `scales` quantize it along `axis`, none leave it plain."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        self._buffers.append(buffer)
        scales = np.asarray(scales, np.float32).ravel()
        zero_points = np.resize(np.asarray(zero_points, np.int64), scales.size)
        index = self._tensor(
            name or f"constant_{len(self._tensors)}",
            array.shape,
            array.dtype.name,
            (scales, zero_points, axis),
            buffer=len(self._buffers) - 1,
        )
        first = (float(scales[0]), int(zero_points[0])) if scales.size else (0.0, 0)
        return Value(index, tuple(array.shape), array.dtype.name, *first, scales)

    def prune(self, weights: Value, part: float, block: int = 1) -> None:
        """Set this part of an int8 constant to zero, in runs of `block` along its last axis, which they divide."""
        if part == 0:
            return
        buffer = self._buffers[self._tensors[weights.index].buffer]
        values = buffer.data.view(np.int8).reshape(-1, block)
        kept = self.random.random((len(values), 1)) >= part
        buffer.data = (values * kept).view(np.uint8).reshape(-1)

    def operator(
        self,
        op: str | int,
        inputs: Sequence[Value | None],
        shape: Sequence[int],
        scale: float = 0.0,
        zero_point: int = 0,
        *,
        dtype: str = "int8",
        name: str | None = None,
        **options: Any,
    ) -> Value:
        """Add an operator with one output of `shape`.

        `op` is a builtin name ("CONV_2D") or code; None among `inputs` is an absent optional input; `options`
        are the fields of the operator's option table as the schema's object API spells them (strideW, ...).
        """
        name = name or f"{str(op).lower()}_{len(self._operators)}"
        output = self._computed(name, shape, dtype, scale, zero_point)
        self._record(op, inputs, [output.index], options)
        return output

    def effect(self, op: str, inputs: Sequence[Value] = (), **options: Any) -> None:
        """Add an operator without outputs."""
        self._record(op, inputs, [], options)

    def state(self, shape: Sequence[int], scale: float, zero_point: int = 0, dtype: str = "int8") -> Value:
        """Add a variable tensor: an operator that reads it may change it."""
        value = self._computed(f"state_{len(self._tensors)}", shape, dtype, scale, zero_point)
        self._tensors[-1].isVariable = True
        return value

    def _record(
        self, op: str | int, inputs: Sequence[Value | None], outputs: list[int], options: dict[str, Any]
    ) -> None:
        if op not in self._codes:
            self._codes.append(op)
        record = schema.OperatorT()
        record.opcodeIndex = self._codes.index(op)
        record.inputs = [-1 if v is None else v.index for v in inputs]
        record.outputs = outputs
        table = OPTIONS.get(str(op))
        if table is not None:
            record.builtinOptionsType = getattr(schema.BuiltinOptions, f"{table}Options")
            record.builtinOptions = getattr(schema, f"{table}OptionsT")()
            for key, setting in options.items():
                if not hasattr(record.builtinOptions, key):
                    raise AttributeError(f"{table}Options has no field {key}")
                setattr(record.builtinOptions, key, setting)
        self._operators.append(record)
        self._last = [*outputs] or self._last

    def further_output(self, shape: Sequence[int], scale: float = 0.0, zero_point: int = 0, *, dtype: str) -> Value:
        """Give the operator that was added last one more output."""
        name = f"further_{len(self._tensors)}"
        output = self._computed(name, shape, dtype, scale, zero_point)
        self._operators[-1].outputs.append(output.index)
        self._last.append(output.index)
        return output

    def finish(self, outputs: Sequence[Value] | None = None) -> bytes:
        """The model as .tflite bytes; without `outputs` the last operator's output is the model's."""
        graphs = [self._graph("main", self._last if outputs is None else [v.index for v in outputs])]
        graphs += [other._graph(f"graph_{k}", []) for k, other in enumerate(self._further, 1)]
        model = schema.ModelT()
        model.version = 3
        model.description = "built by a test"
        model.subgraphs = graphs
        model.buffers = self._buffers
        model.operatorCodes = [_operator_code(op) for op in self._codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _graph(self, name: str, outputs: list[int]) -> Any:
        graph = schema.SubGraphT()
        graph.name = name
        graph.tensors = self._tensors
        graph.operators = self._operators
        graph.inputs = self._inputs
        graph.outputs = outputs
        return graph

    def _computed(self, name: str, shape: Sequence[int], dtype: str, scale: float, zero_point: int) -> Value:
        quantized = dtype in ("int8", "uint8", "int16", "int32") and scale > 0
        scales = np.array([scale] if quantized else [], np.float32)
        zero_points = np.array([zero_point] if quantized else [], np.int64)
        index = self._tensor(name, shape, dtype, (scales, zero_points, 0), buffer=0)
        kept = float(scales[0]) if quantized else 0.0
        return Value(index, tuple(int(n) for n in shape), dtype, kept, zero_point)

    def _tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        quantization: tuple[np.ndarray, np.ndarray, int],
        *,
        buffer: int,
    ) -> int:
        scales, zero_points, axis = quantization
        record = schema.TensorT()
        record.name = name
        record.shape = [int(n) for n in shape]
        record.type = TYPES[dtype]
        record.buffer = buffer
        if scales.size:
            record.quantization = schema.QuantizationParametersT()
            record.quantization.scale = scales
            record.quantization.zeroPoint = zero_points
            record.quantization.quantizedDimension = axis
        self._tensors.append(record)
        return len(self._tensors) - 1


def _operator_code(op: str | int) -> Any:
    number = op if isinstance(op, int) else getattr(schema.BuiltinOperator, op)
    code = schema.OperatorCodeT()
    code.builtinCode = number
    code.deprecatedBuiltinCode = min(number, 127)
    code.version = 1
    return code
