"""The stages after learning: C, firmware, and what the board does with them."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinykit.boards import Board
from tinykit.files import data_folder
from tinykit.pipeline.store import Kept, Store, file_hash, folder_hash
from tinykit.pipeline.values import samples_folder, values_file

MODEL = "model.tflite"
_COMPILER = (
    "graph", "features", "kernels", "plan", "codegen", "targets.py", "pipeline/device.py", "data/normalization.py",
)  # fmt: skip
_BUILD = (*_COMPILER, "firmware", "boards.py", "board_file.py")
_LINK = (*_BUILD, "flash", "link", "validate")


@dataclass(frozen=True)
class OnDevice:
    """The device stages of one int8 model on one board, in one store.

    `port` names a plugged board; without it the board's emulator runs. What a plugged board did is never kept.
    """

    store: Store
    board: Board
    port: str | None
    quiet: bool
    optimize: str = "speed"

    def compiled(self, int8: Kept, judged: Kept | None = None) -> Kept:
        """model.c and model.h; the facts are the plan as the report reads it.

        Where the model reads normalized values, or `judged` knows a margin for unsure answers, also model_values.h.
        """
        after = (int8,) if judged is None else (int8, judged)

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.codegen.emit import emit, write_files
            from tinykit.firmware.fit import require_fit
            from tinykit.graph.reader import read_graph

            plan = self._plan(int8)
            require_fit(plan, self.board)
            write_files({**emit(plan), **values_file(plan, int8, judged)}, folder / "c")
            return {"plan": plan_json(plan, read_graph(int8.folder / MODEL)), "model_sha256": plan.graph.sha256}

        return self.store.stage(
            "compiled", self._settings, after, (*_COMPILER, "firmware"), make, outside=self._board_file()
        )

    def firmware(self, int8: Kept, compiled: Kept) -> Kept:
        """The whole firmware project, built."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.firmware.build import build

            built = build(self._plan(int8), self.board, folder / "firmware")
            # Not read by the firmware as built, but by a sensor.c that the user fills in.
            for header in (compiled.folder / "c").glob("*_values.h"):
                shutil.copyfile(header, folder / "firmware" / header.name)
            return {"sizes": built.sizes.as_json()}

        return self.store.stage("firmware", self._settings, (compiled,), _BUILD, make, outside=self._tools())

    def validated(self, data: Kept, int8: Kept, firmware: Kept) -> Kept:
        """The whole test split through the board; the facts are the JSON of `tinykit validate`."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.validate.serial import validate

            return validate(
                int8.folder / MODEL,
                self.board,
                samples_folder(data, int8) / "test.npz",
                port=self.port,
                quiet=self.quiet,
                folder=firmware.folder / "firmware",
                optimize=self.optimize,
            )

        return self._ran("board", (data, int8, firmware), make)

    def benched(self, int8: Kept, firmware: Kept) -> Kept:
        """Instructions, flash and RAM; the facts are the JSON of `tinykit bench`."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.validate.bench import bench

            folder = firmware.folder / "firmware"
            return bench(int8.folder / MODEL, self.board, port=self.port, folder=folder, optimize=self.optimize)

        return self._ran("bench", (int8, firmware), make)

    def dense(self, bought: Kept, model: str) -> Kept:
        """What the student before pruning, a `model` in the folder of `bought`, costs on the emulated board."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.validate.bench import bench

            return bench(bought.folder / model, self.board, folder=folder / "firmware", optimize=self.optimize)

        return self._ran("dense", (bought,), make)

    def _ran(self, name: str, after: tuple[Kept, ...], make: Any) -> Kept:
        outside = self._tools()
        if self.port is not None:
            outside |= {"port": self.port, "asked": str(time.time_ns())}
        return self.store.stage(name, self._settings, after, _LINK, make, libraries=("tflite-micro",), outside=outside)

    def _plan(self, int8: Kept) -> Any:
        from tinykit.graph.reader import read_graph
        from tinykit.plan.build import make_plan

        return make_plan(read_graph(int8.folder / MODEL), self.board.target, self.optimize)

    @property
    def _settings(self) -> str:
        return f"{self.board.name} {self.optimize}"

    def _board_file(self) -> dict[str, str]:
        return {"board": file_hash(self.board.source)}

    def _tools(self) -> dict[str, str]:
        from tinykit.flash.kinds import kind_of

        emulator = kind_of(self.board).program(self.board) if self.board.emulator is not None else ""
        return {
            **self._board_file(),
            "templates": folder_hash(data_folder("firmware_templates")),
            "compiler": tool_version(f"{self.board.target.toolchain}gcc"),
            "emulator": tool_version(emulator) if emulator else "none",
        }


def tool_version(name: str) -> str:
    """The first line that a tool says about itself, "absent" where it is not installed."""
    path = shutil.which(name)
    if path is None:
        return "absent"
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "silent"
    return done.stdout.splitlines()[0] if done.stdout else "silent"


def plan_json(plan: Any, original: Any) -> dict[str, Any]:
    """The plan of the graph `original` as run.json holds it: arena, steps, buffers; see docs/architecture.md."""
    from tinykit.plan.sparsity import sparsity

    bought = sparsity(original, plan)
    names = {index: tensor.name for index, tensor in plan.graph.tensors.items()}
    return {
        "arena_bytes": plan.arena_bytes,
        "lower_bound": plan.lower_bound,
        "steps": [
            {
                "name": step.name,
                "op": step.op,
                "kernel": step.kernel,
                "macs": step.macs,
                "instructions": step.instructions,
                "weight_bytes": step.weight_bytes,
                "sparsity": asdict(bought[step.name]) if step.name in bought else None,
            }
            for step in plan.steps
        ],
        "buffers": [
            {
                "tensor": "scratch" if buffer.tensor is None else names[buffer.tensor],
                "offset": buffer.offset,
                "size": buffer.size,
                "first": buffer.first,
                "last": buffer.last,
            }
            for buffer in plan.buffers
        ],
    }
