"""The judge's worker process: an interpreter behind a pipe, so that a hostile model can only crash the worker.

Started by `tinykit.validate.judge` as a script, with the argument "reference" for TensorFlow Lite's reference kernels
in place of TFLM; imports nothing of tinykit. A message in either direction is

    kind u8, count u32, then `count` times: length u64 and that many bytes of a .npy array (little endian)

Requests: LOAD [model bytes, arena bytes] answers JSON; RUN [one batch (n, *shape) an input] answers one batch an
output; TENSORS [one value an input] answers [indices, one value an index]; RESET [] forgets what former inferences left
in the model's state and answers []. A refusal answers FAILED [text].
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

LOAD, RUN, TENSORS, DONE, FAILED, RESET = range(6)
RESOURCE = 13
"""The schema's type of handles of variables, which hold no values; TFLM crashes when asked for them."""
LARGEST_PART = 1 << 31

REFERENCE = "reference"
"""The argument that asks for TensorFlow Lite's reference kernels."""
LACKS = "Didn't find op"
"""TFLM's own words for an operator that it does not have; its errors carry them."""

_CONCATENATION, _STRIDED_SLICE, _EXP, _ARG_MAX, _SELECT = 2, 45, 47, 56, 64
_TILE, _LOG, _SQRT, _ARG_MIN, _REDUCE_MAX = 69, 73, 75, 79, 82
_UNPACK, _REDUCE_MIN, _REVERSE_V2, _SELECT_V2 = 88, 89, 105, 123
_INT64, _BOOL, _INT16, _INT8 = 4, 6, 7, 9
"""Numbers in the schema."""
_MOST_CONCATENATED, _MOST_SLICED = 10, 4
"""TFLM's limits: kMaxInputNum of CONCATENATION, and the axes that STRIDED_SLICE takes."""


def write_message(stream: BinaryIO, kind: int, arrays: list[Any]) -> None:
    """Write one message; `arrays` are numpy arrays without objects."""
    import numpy as np

    stream.write(struct.pack("<BI", kind, len(arrays)))
    for array in arrays:
        part = io.BytesIO()
        np.save(part, array, allow_pickle=False)
        stream.write(struct.pack("<Q", part.tell()))
        stream.write(part.getbuffer())
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[int, list[Any]]:
    """Read one message.

    Raises: EOFError when the other side is gone; ValueError for a message that makes no sense.
    """
    import numpy as np

    kind, count = struct.unpack("<BI", _exactly(stream, 5))
    arrays = []
    for _ in range(count):
        (length,) = struct.unpack("<Q", _exactly(stream, 8))
        if length > LARGEST_PART:
            raise ValueError(f"a message part of {length} bytes")
        arrays.append(np.load(io.BytesIO(_exactly(stream, length)), allow_pickle=False))
    return kind, arrays


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError
    return data


class Worker:
    """One loaded model and its answers to requests."""

    def __init__(self, model: bytes, arena_bytes: int) -> None:
        from tflite_micro.python.tflite_micro import runtime

        try:
            whole = runtime.convert_bytearray_to_object(bytearray(model))
            self._graph = whole.subgraphs[0]
            self._codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in whole.operatorCodes]
            self._has_state = any(t.isVariable or t.type == RESOURCE for t in self._graph.tensors)
        except Exception as error:  # the generated reader checks nothing and raises anything
            raise ValueError("the file is truncated or corrupt") from error

        self._require_kernels()
        self._start = self._starter(self._translated(model, whole), arena_bytes)
        self._interpreter = self._start()

    def _require_kernels(self) -> None:
        """Say that an operator is lacking where TFLM has it in part and says so late or otherwise."""
        tensors = self._graph.tensors
        for operator in self._graph.operators:
            code, inputs = self._codes[operator.opcodeIndex], operator.inputs
            name = {_EXP: "EXP", _LOG: "LOG", _SQRT: "SQRT"}.get(code)
            if name and tensors[inputs[0]].type == _INT8:
                raise ValueError(f"{LACKS} for int8 '{name}'")
            if code in (_ARG_MAX, _ARG_MIN) and tensors[operator.outputs[0]].type == _INT64:
                raise ValueError(f"{LACKS} for int64 'ARG_MAX' or 'ARG_MIN'")
            if code in (_REDUCE_MAX, _REDUCE_MIN) and tensors[inputs[0]].type == _INT16:
                raise ValueError(f"{LACKS} for int16 'REDUCE_MAX' or 'REDUCE_MIN'")
            if code == _UNPACK and tensors[inputs[0]].type == _BOOL:
                raise ValueError(f"{LACKS} for bool 'UNPACK'")
            if code == _CONCATENATION and len(inputs) > _MOST_CONCATENATED:
                raise ValueError(f"{LACKS} for 'CONCATENATION' of {len(inputs)} inputs")
            if code == _STRIDED_SLICE and len(tensors[inputs[0]].shape) > _MOST_SLICED:
                raise ValueError(f"{LACKS} for 'STRIDED_SLICE' of {len(tensors[inputs[0]].shape)} axes")

    def _translated(self, model: bytes, whole: Any) -> bytes:
        """The model with SELECT_V2, which TFLM has, in place of SELECT, which is the same of three equal shapes."""
        if _SELECT not in self._codes:
            return model
        for operator in self._graph.operators:
            shapes = {tuple(self._graph.tensors[t].shape) for t in operator.inputs}
            if self._codes[operator.opcodeIndex] == _SELECT and len(shapes) > 1:
                return model
        for code, number in zip(whole.operatorCodes, self._codes, strict=True):
            if number == _SELECT:
                code.builtinCode = code.deprecatedBuiltinCode = _SELECT_V2
        for operator in self._graph.operators:
            if self._codes[operator.opcodeIndex] == _SELECT:
                operator.builtinOptionsType, operator.builtinOptions = 0, None
        return _packed(whole)

    def _starter(self, model: bytes, arena_bytes: int) -> Callable[[], Any]:
        """What makes a new interpreter of the model."""
        from tflite_micro.python.tflite_micro import runtime

        # A linear layout, where no tensor overwrites another, keeps every intermediate value readable.
        configuration = runtime.InterpreterConfig.kPreserveAllTensors
        return lambda: runtime.Interpreter.from_bytes(model, arena_size=arena_bytes, intrepreter_config=configuration)

    def facts(self) -> str:
        """Shapes and dtypes of inputs and outputs, as JSON."""
        get = self._interpreter
        return json.dumps(
            {
                "inputs": [_port(get.get_input_details(i)) for i in range(len(self._graph.inputs))],
                "outputs": [_port(get.get_output_details(i)) for i in range(len(self._graph.outputs))],
            }
        )

    def reset(self) -> None:
        """Forget the model's state; TFLM's own reset would not run CALL_ONCE again, so the interpreter is a new one."""
        if self._has_state:
            self._interpreter = self._start()

    def run(self, batches: list[Any]) -> list[Any]:
        """Outputs for a batch of vectors, stacked along a new first axis."""
        import numpy as np

        outputs: list[list[Any]] = [[] for _ in self._graph.outputs]
        for vector in zip(*batches, strict=True):
            self._invoke(list(vector))
            for index, values in enumerate(outputs):
                values.append(self._output(index))
        return [np.stack(values) for values in outputs]

    def tensors(self, inputs: list[Any]) -> list[Any]:
        """Indices of the tensors that operators computed, then their values after one inference."""
        import numpy as np

        self._invoke(inputs)
        written = {int(t) for o in self._graph.operators for t in o.outputs if t >= 0}
        indices = sorted(t for t in written if self._graph.tensors[t].type != RESOURCE)
        values = [self._tensor(index) for index in indices]
        return [np.array(indices, np.int64), *values]

    def _invoke(self, inputs: list[Any]) -> None:
        for index, value in enumerate(inputs):
            self._interpreter.set_input(value, index)
        self._interpreter.invoke()

    def _output(self, index: int) -> Any:
        return self._interpreter.get_output(index)

    def _tensor(self, index: int) -> Any:
        return self._interpreter.GetTensor(index, 0)["tensor_data"]


class ReferenceWorker(Worker):
    """The same answers from TensorFlow Lite's reference kernels, for operators that TFLM lacks."""

    def _require_kernels(self) -> None:
        """They have all of them."""

    def _translated(self, model: bytes, whole: Any) -> bytes:
        """They have SELECT, and TILE and REVERSE_V2 of every type, but register them as of earlier versions."""
        early = (_TILE, _REVERSE_V2)
        if not set(early) & set(self._codes):
            return model
        for code, number in zip(whole.operatorCodes, self._codes, strict=True):
            code.version = 1 if number in early else code.version
        return _packed(whole)

    def _starter(self, model: bytes, arena_bytes: int) -> Callable[[], Any]:
        import warnings

        import tensorflow as tf

        warnings.filterwarnings("ignore")  # that the interpreter has moved house
        self._version = tf.__version__

        def start() -> Any:
            interpreter = tf.lite.Interpreter(
                model_content=model,
                experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
                experimental_preserve_all_tensors=True,
            )
            interpreter.allocate_tensors()
            return interpreter

        return start

    def facts(self) -> str:
        """Shapes and dtypes of inputs and outputs, and TensorFlow's version, as JSON."""
        sides = {
            "inputs": self._interpreter.get_input_details(),
            "outputs": self._interpreter.get_output_details(),
        }
        ports = {side: [_port(details) for details in found] for side, found in sides.items()}
        return json.dumps({**ports, "tensorflow": self._version})

    def _invoke(self, inputs: list[Any]) -> None:
        for details, value in zip(self._interpreter.get_input_details(), inputs, strict=True):
            self._interpreter.set_tensor(details["index"], value)
        self._interpreter.invoke()

    def _output(self, index: int) -> Any:
        return self._interpreter.get_tensor(self._interpreter.get_output_details()[index]["index"])

    def _tensor(self, index: int) -> Any:
        return self._interpreter.get_tensor(index)


def _packed(whole: Any) -> bytes:
    """The .tflite of a model as the schema's object API holds it."""
    import flatbuffers  # type: ignore[import-untyped]

    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _port(details: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {"shape": [int(n) for n in details["shape"]], "dtype": np.dtype(details["dtype"]).name}


def _answer(worker: Worker | None, kind: int, arrays: list[Any]) -> tuple[Worker | None, list[Any]]:
    import numpy as np

    if kind == LOAD:
        kind_of_worker = ReferenceWorker if sys.argv[1:] == [REFERENCE] else Worker
        worker = kind_of_worker(arrays[0].tobytes(), int(arrays[1]))
        return worker, [np.frombuffer(worker.facts().encode(), np.uint8)]
    if worker is None:
        raise ValueError("no model is loaded")
    if kind == RESET:
        worker.reset()
        return worker, []
    return worker, worker.run(arrays) if kind == RUN else worker.tensors(arrays)


def main() -> None:
    """Answer requests on stdin until it closes."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever TFLM prints goes to stderr and never into the answers.
    os.dup2(2, 1)
    import numpy as np

    worker: Worker | None = None
    while True:
        try:
            kind, arrays = read_message(requests)
        except EOFError:
            return
        try:
            worker, result = _answer(worker, kind, arrays)
            write_message(answers, DONE, result)
        except Exception as error:  # whatever TFLM or the schema raises is the answer
            text = str(error) or type(error).__name__
            write_message(answers, FAILED, [np.frombuffer(text.encode(), np.uint8)])


if __name__ == "__main__":
    # Run by path, Python puts this folder first; its modules must not shadow others'.
    del sys.path[0]
    main()
