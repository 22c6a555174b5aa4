"""The `device` of a test: a board that runs one model, with what a test asks of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.boards import Board
from tinykit.errors import DataError, UsageError, WrongFirmware
from tinykit.firmware.sizes import Sizes
from tinykit.graph.model import Graph, Tensor
from tinykit.graph.reader import read_graph
from tinykit.hil.log import LoggedPort
from tinykit.link.device import Device
from tinykit.validate.bench import VECTORS, measure
from tinykit.validate.judge import Judge
from tinykit.validate.samples import quantize_input
from tinykit.validate.vectors import vectors

SHOWN = 5
"""Differing values that a failed comparison lists."""


class BoardUnderTest:
    """A board that runs a model.

    Attributes: `board`, `model` the .tflite file, `graph` as read from it, `link` the device with every command of the
    protocol, `log` of the frames since the test began.
    """

    def __init__(self, board: Board, model: Path, link: Device, log: LoggedPort, sizes: Sizes | None) -> None:
        self.board = board
        self.model = model
        self.graph: Graph = read_graph(model)
        self.link = link
        self.log = log
        self._sizes = sizes
        self._record: Callable[[str, object], None] = lambda name, value: None

    def begin(self, record: Callable[[str, object], None]) -> None:
        """A test begins: restart the board, forget the log. `record(name, value)` takes properties of the test."""
        self.log.clear()
        self._record = record
        self.link.reset()
        self.link.require_model(self.graph.sha256)

    @property
    def port(self) -> str:
        """Where the board answers."""
        return self.link.port.name

    def infer(self, *inputs: Any) -> Any:
        """The model's output for one sample: an array of the output's dtype and shape, a list of them for several.

        Args: one array an input, of its shape with or without the leading 1, of its dtype, or float to be quantized.
        Raises: DataError for what does not fit; DeviceError and its kinds.
        """
        arrays = self._fit(inputs)
        outputs = [self.graph.tensor(i) for i in self.graph.outputs]
        raw = self.link.run(*arrays, output_bytes=tuple(t.nbytes for t in outputs)).outputs
        values = [np.frombuffer(data, t.dtype).reshape(t.shape) for data, t in zip(raw, outputs, strict=True)]
        return values[0] if len(values) == 1 else values

    def assert_matches(self, model: Path | str, *inputs: Any) -> None:
        """Fail unless the board's output bytes are those of TFLM for these samples.

        Args:
            model: the .tflite file, which has to be the one on the board.
            inputs: one array an input: a sample, or a batch (n, *input shape).
        Raises: AssertionError that says which values differ; WrongFirmware for another model.
        """
        data = Path(model).read_bytes()
        asked = read_graph(data, self.graph.name)
        if asked.sha256 != self.graph.sha256:
            raise WrongFirmware(
                "the board runs another model than the one to compare with",
                expected=f"{model} with SHA-256 {asked.sha256[:16]}...",
                found=f"{self.model} with SHA-256 {self.graph.sha256[:16]}...",
                next_step="Give the model of the fixture tinykit_model",
            )
        samples = self._samples(inputs)
        with Judge(data) as judge:
            for number, sample in enumerate(samples):
                ours = self.infer(*sample)
                theirs = judge.run(sample)
                self._compare(number, ours if isinstance(ours, list) else [ours], theirs)
        self._record("tinykit_samples_compared", len(samples))

    def bench(self) -> dict[str, Any]:
        """Counts of the running firmware, the JSON of `tinykit bench`; also recorded as properties of the test.

        Raises: UsageError where the firmware was not built here, so that its sizes are not known.
        """
        if self._sizes is None:
            raise UsageError(
                "bench needs the firmware's sizes, and it was not built here",
                next_step="Run without --tinykit-no-flash, or use device.link.invoke() for the ticks alone",
            )
        inputs = vectors(self.graph, VECTORS, 0)
        with Judge(self.model.read_bytes()) as judge:
            expected = judge.run_batches(inputs)
        result = {"model": self.model.name, **measure(self.link, self.graph, self._sizes, inputs, expected)}
        for name in ("instructions", "ticks", "tick_unit", "bit_exact"):
            self._record(f"tinykit_{name}", result[name])
        for kind in ("flash", "ram"):
            self._record(f"tinykit_{kind}", result[kind]["total"])
        return result

    def _tensors(self) -> list[Tensor]:
        return [self.graph.tensor(i) for i in self.graph.inputs]

    def _fit(self, inputs: tuple[Any, ...] | list[Any]) -> list[np.ndarray]:
        tensors = self._tensors()
        if len(inputs) != len(tensors):
            raise DataError("each input of the model needs an array", expected=len(tensors), found=len(inputs))
        return [_fit_one(np.asarray(x), t) for x, t in zip(inputs, tensors, strict=True)]

    def _samples(self, inputs: tuple[Any, ...]) -> list[list[np.ndarray]]:
        """Each sample's arrays; `inputs` are one sample or batches."""
        tensors = self._tensors()
        arrays = [np.asarray(x) for x in inputs]
        whole = all(a.shape in (t.shape, t.shape[1:]) for a, t in zip(arrays, tensors, strict=False))
        if whole or len(arrays) != len(tensors):
            return [self._fit(arrays)]
        return [self._fit(sample) for sample in zip(*arrays, strict=True)]

    def _compare(self, number: int, ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
        for index, (mine, right) in enumerate(zip(ours, theirs, strict=True)):
            expected = np.asarray(right).reshape(mine.shape)
            if mine.tobytes() == expected.tobytes():
                continue
            unlike = np.flatnonzero(mine.reshape(-1) != expected.reshape(-1))
            listed = ", ".join(
                f"[{i}] is {mine.reshape(-1)[i]}, TFLM has {expected.reshape(-1)[i]}" for i in unlike[:SHOWN]
            )
            more = f" and {len(unlike) - SHOWN} more" if len(unlike) > SHOWN else ""
            raise AssertionError(
                f"sample {number}, output {index} on {self.board.name} ({self.port}): "
                f"{len(unlike)} of {mine.size} values differ from TFLM: {listed}{more}"
            )


def _fit_one(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    if x.shape not in (tensor.shape, tensor.shape[1:]):
        raise DataError(
            "the array does not fit the model's input", expected=f"{tensor.dtype} {tensor.shape}", found=x.shape
        )
    x = x.reshape(tensor.shape)
    if x.dtype == np.dtype(tensor.dtype):
        return x
    if x.dtype.kind != "f" or not np.isfinite(x).all():
        raise DataError(
            "the array has another type than the model's input",
            expected=f"{tensor.dtype}, or finite floats to be quantized",
            found=x.dtype.name,
        )
    return quantize_input(x, tensor)
