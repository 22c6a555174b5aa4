"""A plan to an ELF for a board: refused where it does not fit, built, measured, and kept while nothing changes."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tinykit.boards import Board
from tinykit.errors import OutputError, UsageError
from tinykit.files import write_atomic
from tinykit.firmware.fit import require_fit
from tinykit.firmware.program import Program, program
from tinykit.firmware.project import MARKER, require_bare_metal, sources, write
from tinykit.firmware.sizes import Sizes, measure
from tinykit.firmware.toolchain import find_tool, require_toolchain, run_tool
from tinykit.plan.model import Plan
from tinykit.tflm.library import find_library

_BUILD_SECONDS = 300.0
_BUILT = "built.sha256"
_CXX_PACKAGES = "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"


@dataclass(frozen=True)
class Firmware:
    """A built firmware.

    Attributes:
        folder: the project, which `make` builds again.
        elf, binary, hex: the program in three formats.
        board: what it is for.
        name: prefix of the model's C names.
        model_sha256: hex digest of the .tflite that it runs.
        sizes: of what was linked.
        log: what the build printed.
    """

    folder: Path
    elf: Path
    binary: Path
    hex: Path
    board: Board
    name: str
    model_sha256: str
    sizes: Sizes
    log: Path


def default_folder(name: str, board: Board, engine: str = "aot", optimize: str = "speed") -> Path:
    """Where the firmware of the model `name` is built unless the user says otherwise."""
    apart = [word for word, usual in ((engine, "aot"), (optimize, "speed")) if word != usual]
    return Path("build") / "-".join([name, board.name, *apart])


def build(plan: Plan, board: Board, folder: Path, jobs: int = 2) -> Firmware:
    """Build the firmware of `plan` for `board` in `folder`, which it replaces as a whole.

    Args: `jobs` compilers at a time.
    Raises: DoesNotFit before any tool is looked for; UsageError for a plan of another target, or a
        name that the firmware needs itself; ToolMissing,
        ToolFailed; DiskFull, OutputError.
    """
    if plan.target.name != board.target.name:
        raise UsageError(
            f"the plan cannot run on {board.name}", expected=f"target {board.target.name}", found=plan.target.name
        )
    require_fit(plan, board)
    return build_program(program(plan), board, folder, jobs)


def build_program(what: Program, board: Board, folder: Path, jobs: int = 2) -> Firmware:
    """Build the firmware of a program, whichever engine it is.

    Raises: as `build`.
    """
    require_bare_metal(board)
    require_fit(what, board)
    compiler = require_toolchain(board.target)
    if what.engine == "tflm":
        find_tool(f"{board.target.toolchain}g++", _CXX_PACKAGES)
    files = sources(what, board)
    output = folder / "build"
    key = _key(files, compiler, what.engine)
    name = what.interface.name
    elf = output / f"{name}.elf"
    if not _is_built(elf, key):
        _refuse_foreign(folder)
        write(files, folder)
        _make(folder, jobs)
        write_atomic(output / _BUILT, key)
    return Firmware(
        folder=folder,
        elf=elf,
        binary=elf.with_suffix(".bin"),
        hex=elf.with_suffix(".hex"),
        board=board,
        name=name,
        model_sha256=what.interface.sha256,
        sizes=measure(folder, elf, elf.with_suffix(".map"), name),
        log=output / "build.log",
    )


def _key(files: dict[str, str], compiler: str, engine: str) -> str:
    """A digest of everything that the build depends on."""
    version = subprocess.run([compiler, "--version"], capture_output=True, timeout=30, check=False).stdout
    digest = hashlib.sha256(compiler.encode() + b"\0" + version)
    if engine == "tflm":
        digest.update(find_library().file.read_bytes())
    for name, text in sorted(files.items()):
        digest.update(f"\0{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()


def _is_built(elf: Path, key: str) -> bool:
    stamp = elf.with_name(_BUILT)
    there = all(elf.with_suffix(suffix).is_file() for suffix in (".elf", ".map", ".bin", ".hex"))
    return there and stamp.is_file() and stamp.read_text(errors="replace") == key


def _refuse_foreign(folder: Path) -> None:
    """The folder is replaced as a whole: never one that holds anything else."""
    if folder.exists() and not (folder.is_dir() and ((folder / MARKER).is_file() or not any(folder.iterdir()))):
        raise OutputError(
            f"{folder} holds other files, and a build replaces its folder as a whole",
            expected="a new or empty folder, or one of an earlier build",
            next_step="Choose another --output folder",
        )


def _make(folder: Path, jobs: int) -> None:
    command = [find_tool("make", "make"), "--no-print-directory", "-C", str(folder), f"-j{jobs}"]
    run_tool(command, folder / "build" / "build.log", _BUILD_SECONDS)
