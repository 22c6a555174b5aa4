"""The kinds of emulators behind one interface: how each is started, and what its counters tell.

Whatever the kind, the program listens on a control socket for a few commands of the QEMU Machine Protocol
(query-chardev, x-exit-preconfig, cont, system_reset, quit), puts the board's UART on a pseudo terminal, and waits for
`cont`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import BoardError

if TYPE_CHECKING:
    from tinykit.boards import Board


@dataclass(frozen=True)
class EmulatorKind:
    """A kind of emulator.

    Attributes:
        command: the command line for a board, its ELF and the control socket's path; `counting` asks for exact counts
            where they cost speed. The .bin of the same program lies beside the ELF. Raises ToolMissing, ToolFailed.
        icount_shift: each instruction advances the board's time by 2^shift ns; None where time goes by cycles.
        program: the program whose version tells the emulator's, for a record of what was used.
    """

    command: Callable[[Board, Path, Path, bool], list[str]]
    icount_shift: Callable[[Board], int | None]
    program: Callable[[Board], str]


def kind_of(board: Board) -> EmulatorKind:
    """The kind of the board's emulator.

    Raises: BoardError for a board without one.
    """
    from tinykit.flash import qemu, rp2040js, simavr

    kinds = {"qemu": qemu.QEMU, "simavr": simavr.SIMAVR, "rp2040js": rp2040js.RP2040JS}
    if board.emulator is None:
        raise BoardError(f"the board {board.name!r} has no emulator", next_step="Plug the board in and give --port")
    return kinds[board.emulator.kind]
