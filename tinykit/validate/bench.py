"""What a model really costs on a board: instructions that ran, bytes that the linked ELF holds, stack that was used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinykit.errors import DeviceError, ModelError, WrongFirmware
from tinykit.graph.model import Graph
from tinykit.graph.reader import read_graph
from tinykit.graph.support import require_supported
from tinykit.kernels import lower
from tinykit.link.device import Device, open_device
from tinykit.link.port import require_port
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.targets import Target, target
from tinykit.validate.front_end import bench_front_end
from tinykit.validate.judge import Judge
from tinykit.validate.vectors import vectors

if TYPE_CHECKING:
    import numpy as np

    from tinykit.boards import Board
    from tinykit.firmware.sizes import Sizes
    from tinykit.link.port import Port

UNKNOWN_REQUEST = 1
"""The code by which a device says that it does not know a request, see docs/protocol.md."""

OPTIMIZATIONS = ("speed", "size", "ram")
"""What `compare` puts side by side."""

VECTORS = 6
"""Inputs that are compared with TFLM; the first of them is the one that is counted."""


def bench(
    model: Path,
    board: Board,
    *,
    engine: str = "aot",
    port: str | Port | None = None,
    folder: Path | None = None,
    seed: int = 0,
    optimize: str = "speed",
) -> dict[str, Any]:
    """Build the model's firmware, run it on the board, and count.

    Instructions are counted on an emulator; on hardware they are None, and "ticks" tells what the board's counter
    said. Whole inference and layers are counted with the same input.

    Args:
        engine: "aot" (compiled C) or "tflm" (TFLM's interpreter, see docs/tflm.md).
        port: a device that already runs this model's firmware; without it the board is emulated.
        folder: where firmware is built (default: as `tinykit build`).
        seed: of the inputs.
        optimize: as for `plan.build.make_plan`; a device on `port` must run firmware that was built so.
    Returns: the JSON of `tinykit bench`.
    Raises: UsageError for an unknown engine; ModelError, DoesNotFit, ToolMissing, ToolFailed, WrongFirmware,
        WrongBoard, DeviceError.
    """
    from tinykit.firmware.build import build_program, default_folder
    from tinykit.firmware.engines import model_program

    if isinstance(port, str):
        require_port(port)
    graph = read_graph(model)
    program = model_program(graph, model, board.target, engine, optimize)
    with Judge(model.read_bytes()) as judge:
        firmware = build_program(program, board, folder or default_folder(graph.name, board, engine, optimize))
        inputs = vectors(graph, VECTORS, seed)
        expected = judge.run_batches(inputs)
        with open_device(board, firmware, port) as device:
            device.require_model(graph.sha256)
            device.require_board(board)
            _require_program(device, board, engine)
            return {"model": model.name, **measure(device, graph, firmware.sizes, inputs, expected, optimize)}


def _require_program(device: Device, board: Board, engine: str) -> None:
    """Sizes are those of the firmware built here, so the device must run its like. Raises: WrongFirmware."""
    hello = device.description
    if (hello.target, hello.engine) != (board.target.name, engine):
        raise WrongFirmware(
            f"the device on {device.port.name} runs firmware of another kind",
            expected=f"{board.target.name}, engine {engine}",
            found=f"{hello.target}, engine {hello.engine}",
            next_step="Give the --board and --engine that it was built for",
            page="wrong-firmware",
        )


def compare(model: Path, board: Board, *, folder: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Bench the model on the emulated board once for each way to optimize.

    Args: `folder` in which firmware is built, a folder for each (default: as `tinykit build`); `seed` of the inputs.
    Returns: the JSON of `tinykit bench --compare`.
    Raises: as `bench`.
    """
    found = {
        way: bench(model, board, folder=None if folder is None else folder / way, seed=seed, optimize=way)
        for way in OPTIMIZATIONS
    }
    common = {key: found["speed"][key] for key in ("model", "model_sha256", "board", "target", "engine", "emulated")}
    return {**common, "bit_exact": all(one["bit_exact"] for one in found.values()), "compare": found}


def measure(
    device: Device,
    graph: Graph,
    sizes: Sizes,
    inputs: list[np.ndarray],
    expected: list[np.ndarray],
    optimize: str = "speed",
) -> dict[str, Any]:
    """Count what `device`, which runs `graph`, really does.

    Args: `sizes` of its linked firmware; `inputs` one batch an input, and `expected` TFLM's outputs for them.
    Returns: the JSON of `tinykit bench`, without the model's file name.
    Raises: DeviceError and its kinds.
    """
    hello = device.description
    ticks, exact = _run(device, graph, inputs, expected)
    parts = sizes.as_json()
    plan = make_plan(graph, target(hello.target), optimize) if hello.engine == "aot" else None
    # TFLM reserves what may be needed and says what it took; compiled code takes what it reserves.
    arena = parts["ram"]["arena"] if hello.engine == "aot" else hello.arena_bytes
    static, stack = parts["ram"]["static"], _stack(device)
    front_end = bench_front_end(device, graph, sizes)  # after the stack: the model's own is its deepest until now
    return {
        "model_sha256": graph.sha256,
        "board": hello.board,
        "target": hello.target,
        "engine": hello.engine,
        "optimize": optimize if plan else None,
        "port": device.port.name,
        "emulated": device.emulated,
        "bit_exact": exact,
        "vectors": len(inputs[0]),
        "instructions": device.instructions(ticks),
        "ticks": ticks,
        "tick_unit": device.tick_unit,
        "macs": plan.cost.macs if plan else _dense_macs(graph, target(hello.target)),
        "flash": parts["flash"],
        "ram": {
            "arena": arena,
            "static": static,
            "stack": stack,
            "total": None if stack is None else arena + static + stack,
            "firmware": parts["ram"]["firmware"],
        },
        "front_end": front_end,
        "layers": _layers(device, plan, [batch[0] for batch in inputs]) if plan else [],
    }


def _stack(device: Device) -> int | None:
    """The deepest stack of an inference, in bytes; None where the firmware does not measure it."""
    try:
        return device.stack().peak
    except DeviceError as error:
        if error.facts.get("code") != UNKNOWN_REQUEST:
            raise
        return None


def _dense_macs(graph: Graph, core: Target) -> int | None:
    """Multiply-accumulates of the model as it is in the file; None where an operator is one that only TFLM runs."""
    try:
        require_supported(graph)
        return sum(lower(graph, operator, core)[0].macs for operator in graph.operators)
    except ModelError:
        return None


def _run(device: Device, graph: Graph, inputs: list[np.ndarray], expected: list[np.ndarray]) -> tuple[int, bool]:
    """Ticks of the first vector, and whether every output byte of all vectors equals TFLM's."""
    sizes = tuple(graph.tensor(index).nbytes for index in graph.outputs)
    ticks, exact = 0, True
    if graph.states:
        device.reset_state()
    for number in range(len(inputs[0])):
        answer = device.run(*(batch[number] for batch in inputs), output_bytes=sizes)
        exact &= all(raw == batch[number].tobytes() for raw, batch in zip(answer.outputs, expected, strict=True))
        ticks = answer.ticks if number == 0 else ticks
    return ticks, exact


def _layers(device: Device, plan: Plan, inputs: list[np.ndarray]) -> list[dict[str, Any]]:
    """Each step that runs code, counted alone; empty where the firmware cannot be stepped."""
    if not device.description.can_step:
        return []
    if plan.graph.states:
        device.reset_state()
    for index, data in enumerate(inputs):
        device.write_input(data.tobytes(), index)
    layers = []
    for number, step in enumerate(plan.steps):
        ticks = device.step(number)
        if not step.alias:
            layers.append(
                {
                    "name": step.name,
                    "op": step.op,
                    "macs": step.macs,
                    "instructions": device.instructions(ticks),
                    "ticks": ticks,
                    "kernel": step.kernel,
                }
            )
    return layers
