"""Firmware to device: `flash` chooses the board's method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinykit.errors import BoardError
from tinykit.flash.base import Flashed, Flasher
from tinykit.flash.running import EmulatorFlasher

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware


FLASHERS: dict[str, Flasher] = {"emulator": EmulatorFlasher()}
"""By the name that a board's file lists under its flash methods."""


def flash(board: Board, firmware: Firmware, port: str | None = None) -> Flashed:
    """Put `firmware` on `board` by the first of the board's methods that is known here, and start it.

    Raises: BoardError when there is none, ToolMissing, ToolFailed, PortError.
    """
    for method in board.flash_methods:
        if method in FLASHERS:
            return FLASHERS[method].flash(board, firmware, port)
    raise BoardError(
        f"no way to flash {board.name!r}",
        expected=f"one of {', '.join(FLASHERS)}",
        found=", ".join(board.flash_methods) or "no flash method in the board's file",
        next_step=f"Flash {firmware.elf} with the board's own tool, then give its port with --port",
    )
