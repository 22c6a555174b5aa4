"""QEMU: the board's machine, time by instructions."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import ToolMissing
from tinykit.flash.kinds import EmulatorKind

if TYPE_CHECKING:
    from tinykit.boards import Board

ICOUNT_SHIFT = 7
"""Each instruction advances the emulator's time by 2^7 = 128 ns, more than a tick of every board's clock, so that
counters tick at least once an instruction and counts are exact."""

PACKAGES = {"qemu-system-arm": "qemu-system-arm", "qemu-system-riscv32": "qemu-system-misc"}


def icount_shift(board: Board) -> int:
    """0 where the firmware counts retired instructions, which QEMU derives from its time in ns."""
    return 0 if board.emulator is not None and board.emulator.counter == "minstret" else ICOUNT_SHIFT


def _program(board: Board) -> str:
    return "qemu-system-riscv32" if board.target.name.startswith("rv32") else "qemu-system-arm"


def _command(board: Board, elf: Path, control: Path, counting: bool) -> list[str]:
    """Waiting before it builds the machine, UART on a new pty.

    QEMU looks for a listener on the pty when it builds the machine, and from then on once a second only: whoever opens
    the port before the machine is built is heard at once.
    """
    emulator = board.emulator
    assert emulator is not None
    program = _program(board)
    path = shutil.which(program)
    if path is None:
        raise ToolMissing(
            f"cannot emulate {board.name}",
            expected=f"the program {program}",
            found="nothing of this name on PATH",
            next_step=f"sudo apt install {PACKAGES[program]}",
            page="emulator-missing",
        )
    icount = ["-icount", f"shift={icount_shift(board)}"] if counting else []
    return [
        *(path, "-M", emulator.machine, *emulator.arguments, *icount),
        *("-display", "none", "-monitor", "none", "-serial", "pty", "-preconfig", "-S"),
        *("-qmp", f"unix:{control},server=on,wait=off", "-kernel", str(elf)),
    ]


QEMU = EmulatorKind(_command, icount_shift, _program)
