"""The judge's worker process: TFLM's interpreter behind a pipe, so that a hostile model can only crash the worker.

Started by `tinykit.validate.judge` as a script; imports nothing of tinykit. A message in either direction is

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
from typing import Any, BinaryIO

LOAD, RUN, TENSORS, DONE, FAILED, RESET = range(6)
RESOURCE = 13
"""The schema's type of handles of variables, which hold no values; TFLM crashes when asked for them."""
LARGEST_PART = 1 << 31


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
            self._graph = runtime.convert_bytearray_to_object(bytearray(model)).subgraphs[0]
            self._has_state = any(t.isVariable or t.type == RESOURCE for t in self._graph.tensors)
        except Exception as error:  # the generated reader checks nothing and raises anything
            raise ValueError("the file is truncated or corrupt") from error

        def start() -> Any:
            # A linear layout, where no tensor overwrites another, keeps every intermediate value readable.
            return runtime.Interpreter.from_bytes(
                model, arena_size=arena_bytes, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
            )

        self._start = start
        self._interpreter = start()

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
                values.append(self._interpreter.get_output(index))
        return [np.stack(values) for values in outputs]

    def tensors(self, inputs: list[Any]) -> list[Any]:
        """Indices of the tensors that operators computed, then their values after one inference."""
        import numpy as np

        self._invoke(inputs)
        written = {int(t) for o in self._graph.operators for t in o.outputs if t >= 0}
        indices = sorted(t for t in written if self._graph.tensors[t].type != RESOURCE)
        values = [self._interpreter.GetTensor(index, 0)["tensor_data"] for index in indices]
        return [np.array(indices, np.int64), *values]

    def _invoke(self, inputs: list[Any]) -> None:
        for index, value in enumerate(inputs):
            self._interpreter.set_input(value, index)
        self._interpreter.invoke()


def _port(details: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {"shape": [int(n) for n in details["shape"]], "dtype": np.dtype(details["dtype"]).name}


def _answer(worker: Worker | None, kind: int, arrays: list[Any]) -> tuple[Worker | None, list[Any]]:
    import numpy as np

    if kind == LOAD:
        worker = Worker(arrays[0].tobytes(), int(arrays[1]))
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
