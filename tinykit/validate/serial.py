"""A labelled data set through a board over its serial port, every output byte compared with TFLM's."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinykit.errors import DeviceError
from tinykit.graph.model import Graph
from tinykit.graph.reader import read_graph
from tinykit.link.device import Device, Inference, open_device
from tinykit.link.port import require_port
from tinykit.link.steady import run_steadily
from tinykit.plan.build import make_plan
from tinykit.progress import Progress
from tinykit.validate.checkpoint import Checkpoint
from tinykit.validate.divergence import can_compare, first_divergence
from tinykit.validate.front_end import front_end_facts
from tinykit.validate.judge import Judge
from tinykit.validate.samples import Samples, class_count, load_samples, predict

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.link.port import Port
    from tinykit.plan.model import Plan

ATTEMPTS = 3
"""How often one sample is sent when the device resets itself in its midst."""

TRACED = 3
"""Samples whose every layer is compared, even where all outputs agree."""


@dataclass
class _Tally:
    """What is counted while the samples pass."""

    confusion: np.ndarray
    right_tflm: int = 0
    mismatched_bytes: int = 0
    mismatched_samples: int = 0
    bytes: int = 0
    first_mismatch: int | None = None
    ticks: list[int] = field(default_factory=list)
    resets: int = 0
    resumed: int = 0


def validate(
    model: Path,
    board: Board,
    data: Path,
    *,
    port: str | Port | None = None,
    limit: int | None = None,
    quiet: bool = False,
    folder: Path | None = None,
    resume: bool = False,
    optimize: str = "speed",
) -> dict[str, Any]:
    """Send the samples of `data` to the board and judge its answers.


    Args:
        data: .npz with x and y, see `validate.samples.load_samples`.
        port: where a device with this model's firmware answers; without it firmware is built and run emulated.
        limit: only so many samples.
        folder: where firmware is built (default: as `tinykit build`).
        optimize: as for `plan.build.make_plan`; a device on `port` must run firmware that was built so.
        resume: keep the answers beside the firmware's folder until all are there, and go on from those of a validation
            that was cut off, where device, model and samples are the same.
    Returns: the JSON of `tinykit validate`; "confusion" has a row for each true class.
    Raises: DataError and other InputErrors before anything starts; WrongFirmware; DeviceError and its kinds.
    """
    if isinstance(port, str):
        require_port(port)
    started = time.monotonic()
    graph = read_graph(model)
    samples = load_samples(data, graph, limit)
    with Judge(model.read_bytes()) as judge, device_for(graph, board, port, folder, optimize) as device:
        device.require_model(graph.sha256)
        device.require_board(board)
        expected = _expected(judge, graph, samples)
        path = checkpoint_path(graph, board, folder, optimize) if resume else None
        with Checkpoint(path, device.description, samples) as kept:
            tally = _stream(device, graph, samples, expected, kept, quiet=quiet)
            kept.finish()
        plan = make_plan(graph, board.target, optimize)
        divergent, note = _look_inside(device, plan, judge, samples, tally.first_mismatch)
        first = [] if tally.first_mismatch is None else [tally.first_mismatch]
        front_end = front_end_facts(device, plan, samples, sorted({*range(min(TRACED, len(samples))), *first}))
        return {
            "model": model.name,
            "model_sha256": graph.sha256,
            "board": board.name,
            "port": device.port.name,
            "emulated": device.emulated,
            "judge": judge.name,
            "samples": len(samples),
            "accuracy": float(np.trace(tally.confusion)) / len(samples),
            "accuracy_tflm": tally.right_tflm / len(samples),
            "bytes": tally.bytes,
            "mismatched_bytes": tally.mismatched_bytes,
            "mismatched_samples": tally.mismatched_samples,
            "first_mismatched_sample": tally.first_mismatch,
            "first_divergent_layer": divergent,
            "divergence_note": note,
            "front_end": front_end,
            "instructions": _spread([device.instructions(t) for t in tally.ticks]),
            "ticks": _spread(list(tally.ticks)),
            "tick_unit": device.tick_unit,
            "cycles": _spread(list(tally.ticks)) if device.tick_unit == "cycles" and not device.emulated else None,
            "latency_ms": _latency(device, tally.ticks),
            "confusion": tally.confusion.tolist(),
            "labels": list(graph.labels),
            "device_resets": tally.resets,
            "resumed": tally.resumed,
            "seconds": round(time.monotonic() - started, 2),
        }


def _expected(judge: Judge, graph: Graph, samples: Samples) -> list[np.ndarray]:
    """TFLM's outputs, (n, *shape) each; a model that keeps state forgets it before each sample, as the device does."""
    if not graph.states:
        return judge.run_batches([samples.x])
    return [np.stack(values) for values in zip(*(judge.run([x]) for x in samples.x), strict=True)]


def checkpoint_path(graph: Graph, board: Board, folder: Path | None, optimize: str = "speed") -> Path:
    """Where answered samples are kept: beside the firmware's folder, which a build replaces as a whole."""
    from tinykit.firmware.build import default_folder

    beside = folder or default_folder(graph.name, board, optimize=optimize)
    return beside.with_name(f"{beside.name}.validate.jsonl")


@contextlib.contextmanager
def device_for(
    graph: Graph, board: Board, port: str | Port | None, folder: Path | None, optimize: str = "speed"
) -> Iterator[Device]:
    """The device on `port`, or the board emulated with firmware built for this graph."""
    firmware = None
    if port is None:
        from tinykit.firmware.build import build, default_folder

        plan = make_plan(graph, board.target, optimize)
        firmware = build(plan, board, folder or default_folder(graph.name, board, optimize=optimize))
    with open_device(board, firmware, port) as device:
        yield device


def _stream(
    device: Device, graph: Graph, samples: Samples, expected: list[np.ndarray], kept: Checkpoint, *, quiet: bool
) -> _Tally:
    tensors = [graph.tensor(index) for index in graph.outputs]
    classes = class_count(graph)
    tally = _Tally(np.zeros((classes, classes), np.int64), resumed=len(kept.answers))
    with Progress(f"Validating on {device.description.board}", len(samples), quiet=quiet) as progress:
        for number, label in enumerate(samples.y):
            judged = [batch[number] for batch in expected]
            answer = kept.answers.get(number) or _answer(device, graph, samples, tally, kept, number)
            unlike = sum(_unlike(a, b) for a, b in zip(answer.outputs, judged, strict=True))
            if unlike and tally.first_mismatch is None:
                tally.first_mismatch = number
            tally.mismatched_bytes += unlike
            tally.mismatched_samples += bool(unlike)
            tally.bytes += sum(map(len, answer.outputs))
            tally.ticks.append(answer.ticks)
            given = np.frombuffer(answer.outputs[0], tensors[0].dtype)
            tally.confusion[label, predict(given, tensors[0])] += 1
            tally.right_tflm += predict(judged[0], tensors[0]) == label
            right = int(np.trace(tally.confusion))
            progress.advance(note=f"{right} of {number + 1} right, {tally.mismatched_bytes} bytes unlike TFLM")
    return tally


def _answer(device: Device, graph: Graph, samples: Samples, tally: _Tally, kept: Checkpoint, number: int) -> Inference:
    """The device's answer to sample `number`, kept; where there is none, the error says what is kept.

    A device with the model's front end gets the raw sample, where there is one.
    """
    raw = samples.raw[number] if samples.raw is not None and device.description.takes_samples else None
    sizes = tuple(graph.tensor(index).nbytes for index in graph.outputs)
    try:
        answer, resets = run_steadily(
            device, graph.sha256, samples.x[number], output_bytes=sizes, has_state=bool(graph.states), samples=raw
        )
    except DeviceError as error:
        if kept.answers:
            advice = f"{error.next_step}; " if error.next_step else ""
            error.next_step = (
                f"{advice}{len(kept.answers)} answered samples are kept: the same command goes on from them"
            )
        raise
    tally.resets += resets
    kept.add(number, answer)
    return answer


def _unlike(raw: bytes, judged: np.ndarray) -> int:
    """How many bytes differ."""
    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) != np.frombuffer(judged.tobytes(), np.uint8)))


def _look_inside(
    device: Device, plan: Plan, judge: Judge, samples: Samples, mismatch: int | None
) -> tuple[dict[str, Any] | None, str | None]:
    """The first layer that differs, looked for in the sample that showed it; else in the first few samples, because
    an answer can be right while a layer is wrong (a saturated classifier hides much).
    """
    if mismatch is not None:
        return _explain(device, plan, judge, samples.x[mismatch])
    for x in samples.x[:TRACED]:
        if can_compare(device, plan):
            judge.reset()
            found = first_divergence(device, plan, [x], judge.tensors([x]))
            if found is not None:
                return found, "no output byte differs on this set, but a layer inside does"
    return None, None


def _explain(device: Device, plan: Plan, judge: Judge, x: np.ndarray) -> tuple[dict[str, Any] | None, str | None]:
    """The first layer that differs for input `x`, or None and why none can be named."""
    if not can_compare(device, plan):
        return None, "the firmware cannot be run step by step, or another version of tinykit planned it"
    judge.reset()
    found = first_divergence(device, plan, [x], judge.tensors([x]))
    return found, None if found else "run step by step, every layer agrees with TFLM"


def _spread(values: list[int | None]) -> dict[str, float] | None:
    """Least, mean, median, 95th percentile and greatest; None where something was not counted."""
    known = [value for value in values if value is not None]
    if not known or len(known) != len(values):
        return None
    middle, high = np.percentile(known, (50, 95), method="inverted_cdf")
    return {
        "min": min(known),
        "mean": round(sum(known) / len(known), 1),
        "median": middle.item(),
        "p95": high.item(),
        "max": max(known),
    }


def _latency(device: Device, ticks: list[int]) -> dict[str, float] | None:
    """Milliseconds of an inference by the board's own counter; None on emulators, whose time is not a board's,
    and for a counter of instructions."""
    rate = device.description.counter_hz
    if device.emulated or rate == 0 or not ticks or device.tick_unit == "instructions":
        return None
    spread = _spread(list(ticks))
    return None if spread is None else {key: round(1000 * value / rate, 4) for key, value in spread.items()}
