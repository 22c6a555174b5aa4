"""The judge: TFLM's own interpreter on the host, the truth that every byte is compared with.

    with Judge(model_bytes) as judge:
        outputs = judge.run([x])            # one vector, one array an input; a list of outputs
        batch = judge.run_many(xs)          # (n, *input_shape) -> (n, *output_shape), one input and one output
        values = judge.tensors([x])         # {tensor index in the .tflite: value} of every computed tensor

Shapes are the .tflite's own, the leading batch dimension included: kws01's batches are (n, 1, 49, 10, 1) and give
(n, 1, 12). An input of another shape with equally many values is reshaped.
A model that keeps state begins each `run`, `run_many` and `run_batches` afresh and keeps it from vector to vector;
before `tensors` call `reset` where the state of former calls must not count.
It runs in a worker process (`judge_worker.py`), because a hostile model can crash the interpreter.

Of a model with an operator that TFLM lacks, the reference kernels of TensorFlow Lite judge, which give TFLM's bytes
wherever both exist; `Judge.name` tells who did. They need tensorflow, which is imported in their worker alone.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tinykit.errors import DataError, ModelError, TinykitError, ToolFailed, ToolMissing
from tinykit.validate import judge_worker as wire

PACKAGE = "tflite-micro"
ARENA_BYTES = 256 << 20
"""TFLM's arena. Untouched pages cost nothing, and a tight arena crashes the process, so it is far too large."""
CHUNK = 64
"""Vectors sent at a time; the time limit holds for each chunk."""
REFERENCE_VERSION = "2.19"
"""TensorFlow whose reference kernels judge; from 2.20 on FULLY_CONNECTED rounds otherwise than TFLM."""
REFERENCE_SECONDS = 240.0
"""Time limit of its worker: on a busy machine tensorflow alone takes a minute to import."""
LOGGED = re.compile(r"[IWE]\d{4} |\d{4}-\d\d-\d\d |WARNING: ")
"""How lines begin that tensorflow's libraries log while they are loaded."""
SHOWN_LINES = 4
"""Lines of TFLM's own messages that an error shows."""


@dataclass(frozen=True)
class JudgePort:
    """One model input or output: its .tflite shape, batch included, and dtype name."""

    shape: tuple[int, ...]
    dtype: str


def judge_version() -> str:
    """The version of the installed judge.

    Raises: ToolMissing.
    """
    _require_package()
    return importlib.metadata.version(PACKAGE)


def _require_package() -> None:
    if importlib.util.find_spec("tflite_micro") is None:
        raise ToolMissing(
            "TFLM's interpreter, which decides what the right bytes are, is not installed",
            expected="the Python package tflite-micro (wheels exist for Linux on x86-64 only)",
            next_step='Run: pip install "tinykit[verify]"',
            page="no-judge",
        )


def _no_reference(refusal: ModelError, found: str) -> ToolMissing:
    return ToolMissing(
        f"the model has an operator that TFLM lacks, and what judges it is not installed ({refusal.what})",
        expected=f"tensorflow {REFERENCE_VERSION}, whose reference kernels decide there",
        found=found,
        next_step='Run: pip install "tinykit[train]" with Python 3.10 to 3.12',
        page="no-judge",
    )


class Judge:
    """TFLM's interpreter with one model. A context manager: leaving it ends the worker process.

    Args:
        model: the .tflite file's bytes.
        timeout: seconds allowed for loading, and for each chunk of 64 vectors.

    Attributes: `inputs` and `outputs`, one JudgePort each; `name` of the judge, with its version.

    Raises: ToolMissing without the tflite-micro package, or without tensorflow for a model with an operator that TFLM
    lacks; ModelError where TFLM refuses the model or crashes on it;
    ToolFailed when it takes too long.
    """

    def __init__(self, model: bytes, *, timeout: float = 60.0) -> None:
        _require_package()
        self._timeout = timeout
        self._late = False
        self.name, self._who = f"{PACKAGE} {judge_version()}", "TFLM"
        try:
            facts = self._load(model)
        except ModelError as error:
            if wire.LACKS not in str(error):
                raise
            facts = self._load_reference(model, error)
        self.inputs, self.outputs = (
            tuple(JudgePort(tuple(port["shape"]), port["dtype"]) for port in facts[side])
            for side in ("inputs", "outputs")
        )

    def _load(self, model: bytes, *arguments: str) -> dict[str, Any]:
        """Start a worker with the model; what it says of the model."""
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._process = subprocess.Popen(
            [sys.executable, str(Path(wire.__file__)), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
        )
        try:
            loaded = self._ask(wire.LOAD, [np.frombuffer(model, np.uint8), np.array(ARENA_BYTES)])
        except BaseException:
            self.close()
            raise
        facts: dict[str, Any] = json.loads(loaded[0].tobytes())
        return facts

    def _load_reference(self, model: bytes, refusal: ModelError) -> dict[str, Any]:
        """Let TensorFlow's reference kernels judge a model that TFLM refused for lack of an operator."""
        if importlib.util.find_spec("tensorflow") is None:
            raise _no_reference(refusal, "no tensorflow") from refusal
        self._who = "TensorFlow Lite"
        self._timeout = max(self._timeout, REFERENCE_SECONDS)
        try:
            facts = self._load(model, wire.REFERENCE)
        except ModelError as error:
            raise ModelError(
                f"no interpreter judges this model: {refusal.what}; {error.what}",
                next_step="It compiles if 'tinykit check' says so: its operators are proved one by one "
                "(docs/operators.md), the whole model is not",
                page="no-judge",
            ) from error
        version = facts["tensorflow"]
        if not version.startswith(f"{REFERENCE_VERSION}."):
            self.close()
            raise _no_reference(refusal, f"tensorflow {version}") from refusal
        self.name = f"tensorflow {version}, reference kernels"
        return facts

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker process; the judge answers no more."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.kill()
        self._process.wait()
        self._messages.close()

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for one vector: `inputs` holds one array of its input's shape and dtype an input.

        Raises: DataError for inputs that do not fit; ModelError, ToolFailed as for loading.
        """
        return [batch[0] for batch in self.run_batches([np.asarray(value)[np.newaxis] for value in inputs])]

    def run_many(self, batch: np.ndarray) -> np.ndarray:
        """The outputs (n, *output_shape) of a model with one input and one output for vectors (n, *input_shape).

        Raises: DataError for inputs that do not fit; ModelError, ToolFailed as for loading.
        """
        if len(self.outputs) != 1:
            raise DataError("the model has several outputs", expected="one for run_many", found=len(self.outputs))
        return self.run_batches([batch])[0]

    def run_batches(self, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One batch (n, *output_shape) an output for one batch (n, *input_shape) an input; n at least 1.

        Raises: DataError for inputs that do not fit; ModelError, ToolFailed as for loading.
        """
        fitted = self._fit(batches)
        self.reset()
        count = len(fitted[0])
        chunks = [
            self._ask(wire.RUN, [batch[start : start + CHUNK] for batch in fitted]) for start in range(0, count, CHUNK)
        ]
        return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]

    def reset(self) -> None:
        """Forget what former inferences left in the model's state, if it has any.

        Raises: ModelError, ToolFailed as for loading.
        """
        self._ask(wire.RESET, [])

    def tensors(self, inputs: Sequence[np.ndarray] | np.ndarray) -> dict[int, np.ndarray]:
        """Every value that an operator computed in one inference, model outputs included, by .tflite tensor index.

        Raises: DataError for inputs that do not fit; ModelError, ToolFailed as for loading.
        """
        given = [inputs] if isinstance(inputs, np.ndarray) else inputs
        vector = [batch[0] for batch in self._fit([np.asarray(value)[np.newaxis] for value in given])]
        indices, *values = self._ask(wire.TENSORS, vector)
        return dict(zip((int(i) for i in indices), values, strict=True))

    def _fit(self, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The batches in the model's own shapes."""
        if len(batches) != len(self.inputs):
            raise DataError("wrong number of model inputs", expected=len(self.inputs), found=len(batches))
        if len({len(batch) for batch in batches}) != 1 or len(batches[0]) == 0:
            raise DataError(
                "every model input needs equally many vectors, at least one",
                found=[len(batch) for batch in batches],
            )
        return [_fit_one(batch, port) for batch, port in zip(batches, self.inputs, strict=True)]

    def _ask(self, kind: int, arrays: list[np.ndarray]) -> list[np.ndarray]:
        process = self._process
        if process.stdin is None or process.stdout is None or process.stdin.closed:
            raise ToolFailed("the judge was closed before this question")
        self._messages.seek(0)
        self._messages.truncate()
        try:
            with self._deadline():
                wire.write_message(process.stdin, kind, arrays)  # type: ignore[arg-type]
                status, answer = wire.read_message(process.stdout)  # type: ignore[arg-type]
        except (EOFError, BrokenPipeError) as error:
            raise self._death() from error
        if status == wire.FAILED:
            raise ModelError(
                f"{self._who} refuses the model: {self._said(answer[0].tobytes().decode(errors='replace'))}"
            )
        return answer

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Kill the worker when the block takes longer than the time limit; its pipes then report the end."""

        def expire() -> None:
            self._late = True
            self._process.kill()

        timer = threading.Timer(self._timeout, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _death(self) -> TinykitError:
        """The error that says why the worker is gone."""
        status = self._process.wait()
        if self._late:
            return ToolFailed(
                f"{self._who}'s interpreter did not answer within {self._timeout:g} s",
                next_step="Check the model with: tinykit check MODEL.tflite",
            )
        reason = signal.Signals(-status).name if status < 0 else f"status {status}"
        return ModelError(f"{self._who}'s interpreter crashed on the model: {self._said(reason)}")

    def _said(self, otherwise: str) -> str:
        """What TFLM printed, and `otherwise`, as one line."""
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").splitlines()
        told = [line.strip() for line in lines if line.strip() and not LOGGED.match(line)][-SHOWN_LINES:]
        return "; ".join([*told, otherwise]).rstrip(".")


def _fit_one(batch: np.ndarray, port: JudgePort) -> np.ndarray:
    if batch.dtype != np.dtype(port.dtype):
        raise DataError("the model's input has another type", expected=port.dtype, found=batch.dtype.name)
    if batch[0].size != int(np.prod(port.shape)):
        raise DataError("the model's input has another shape", expected=port.shape, found=batch.shape[1:])
    return np.ascontiguousarray(batch).reshape(len(batch), *port.shape)
