"""Which functions of TFLM register an operator: from its `micro_mutable_op_resolver.h` and `kernels/*.h`."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.model import NO_TENSOR, Graph, Operator

REGULAR = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL
    CONCATENATION COS DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS
    FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
    L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM
    MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN
    RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE
    SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB
    SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV UNPACK VAR_HANDLE WHILE ZEROS_LIKE
    """.split()  # noqa: SIM905 -- a table is read more easily without quotes
)
"""Operators that the resolver adds by a method of the same name in camel case."""

IRREGULAR = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "BATCH_MATMUL": "AddBatchMatMul",
    "CONV_2D": "AddConv2D",
    "CUMSUM": "AddCumSum",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "L2_POOL_2D": "AddL2Pool2D",
    "MAX_POOL_2D": "AddMaxPool2D",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}

INT8_HEADERS = {
    "ADD": "add.h",
    "AVERAGE_POOL_2D": "pooling.h",
    "BATCH_MATMUL": "batch_matmul.h",
    "CONV_2D": "conv.h",
    "DEPTHWISE_CONV_2D": "depthwise_conv.h",
    "FULLY_CONNECTED": "fully_connected.h",
    "MAXIMUM": "maximum_minimum.h",
    "MAX_POOL_2D": "pooling.h",
    "MINIMUM": "maximum_minimum.h",
    "MUL": "mul.h",
    "PAD": "pad.h",
    "SOFTMAX": "softmax.h",
    "TRANSPOSE_CONV": "transpose_conv.h",
}
"""Operators with a registration for int8 alone, and the header in kernels/ that declares it."""


@dataclass(frozen=True)
class Registration:
    """One call on the resolver.

    Attributes: `op` the TFLite name; `method` of MicroMutableOpResolver; `argument` a C++ expression, "" for the
    general kernel; `header` in TFLM's kernels/ that the argument needs, "" for none.
    """

    op: str
    method: str
    argument: str = ""
    header: str = ""


def registrations(graph: Graph) -> tuple[Registration, ...]:
    """One registration for each kind of operator in the graph as it was read, in alphabetical order.

    Raises: UnsupportedModel for operators that TFLM's resolver has no method for.
    """
    unknown = [o for o in graph.operators if o.op not in REGULAR and o.op not in IRREGULAR]
    if unknown:
        fix = "Give the model to the aot engine, or replace the layer"
        raise UnsupportedModel([Problem(o.name, o.op, "TFLM has no such builtin operator", fix) for o in unknown])
    return tuple(_registration(graph, op) for op in sorted({o.op for o in graph.operators}))


def _registration(graph: Graph, op: str) -> Registration:
    method = IRREGULAR.get(op) or "Add" + "".join(word.capitalize() for word in op.split("_"))
    users = [o for o in graph.operators if o.op == op]
    if op in INT8_HEADERS and all(_is_int8(graph, o) for o in users):
        return Registration(op, method, f"tflite::Register_{op}_INT8()", INT8_HEADERS[op])
    return Registration(op, method)


def _is_int8(graph: Graph, operator: Operator) -> bool:
    """Whether all operands but biases and shapes (int32, int64) are int8."""
    used = [i for i in (*operator.inputs, *operator.outputs) if i != NO_TENSOR]
    dtypes = {graph.tensor(i).dtype for i in used}
    return graph.tensor(operator.outputs[0]).dtype == "int8" and dtypes <= {"int8", "int32", "int64"}
