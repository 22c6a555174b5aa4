"""simavr: AVR chips, cycle by cycle. Its library is run by a small program of ours, compiled at the first use."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import ToolFailed, ToolMissing
from tinykit.files import write_atomic
from tinykit.flash.kinds import EmulatorKind
from tinykit.flash.runner import RUNNERS, cache_folder, on_terminal

if TYPE_CHECKING:
    from tinykit.boards import Board

PACKAGES = "gcc libsimavr-dev libelf-dev"
_COMPILE_SECONDS = 120.0


def runner() -> Path:
    """Our program around libsimavr, compiled where the cache does not hold it yet.

    Raises: ToolMissing, ToolFailed, OutputError.
    """
    source = RUNNERS / "simavr.c"
    compiler = shutil.which("cc")
    if compiler is None or not has_library(compiler):
        raise ToolMissing(
            "cannot emulate AVR boards",
            expected="the library libsimavr with its headers, and a C compiler",
            next_step=f"sudo apt install {PACKAGES}",
            page="emulator-missing",
        )
    program = cache_folder() / f"simavr-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    if not program.exists():
        with tempfile.TemporaryDirectory(prefix="tinykit-") as folder:
            made = Path(folder) / "runner"
            command = [compiler, "-O2", str(source), "-o", str(made), "-lsimavr"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False)
            if done.returncode != 0:
                raise ToolFailed(
                    "the AVR emulator's runner does not compile",
                    found=done.stderr.strip()[:300],
                    next_step=f"Check that these are whole: {PACKAGES}",
                    page="emulator-failed",
                )
            write_atomic(program, made.read_bytes())
            program.chmod(0o755)
    return program


def has_library(compiler: str) -> bool:
    """Whether libsimavr's headers are there for this C compiler."""
    command = [compiler, "-E", "-x", "c", "-"]
    text = "#include <simavr/sim_avr.h>"
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False).returncode == 0


def _command(board: Board, elf: Path, control: Path, counting: bool) -> list[str]:
    assert board.emulator is not None
    image = elf.with_suffix(".bin")
    return on_terminal(str(runner()), board.emulator.machine, str(board.clock_hz), str(image), str(control))


SIMAVR = EmulatorKind(_command, lambda board: None, lambda board: "cc")
