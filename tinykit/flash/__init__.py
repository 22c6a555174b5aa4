"""Firmware to device: `flash` chooses the board's method, keeps a record of it, and proves that the board runs it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import BoardError, DeviceError, LinkTimeout, UsageError
from tinykit.flash.avrdude import AVRDUDE
from tinykit.flash.base import Flashed, Flasher
from tinykit.flash.bossac import BOSSAC
from tinykit.flash.dfu import DFU
from tinykit.flash.esptool import ESPTOOL
from tinykit.flash.gdb import GDB
from tinykit.flash.openocd import OPENOCD
from tinykit.flash.pyocd import PYOCD
from tinykit.flash.running import EmulatorFlasher
from tinykit.flash.st_flash import ST_FLASH
from tinykit.flash.state import writing
from tinykit.flash.stm32flash import STM32FLASH
from tinykit.flash.tool import ToolFlasher
from tinykit.flash.uf2 import Uf2Flasher

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware

EMULATOR = "emulator"
TOOLS = (GDB, OPENOCD, PYOCD, ST_FLASH, DFU, AVRDUDE, BOSSAC, ESPTOOL, STM32FLASH)

FLASHERS: dict[str, Flasher] = {
    EMULATOR: EmulatorFlasher(),
    "uf2": Uf2Flasher(),
    **{tool.method: tool for tool in TOOLS},
}
"""By the name that a board's file lists under its flash methods."""


def flash(
    board: Board, firmware: Firmware, port: str | None = None, *, method: str | None = None, quiet: bool = False
) -> Flashed:
    """Put `firmware` on `board`, start it, and where its serial port is known make sure that it answers as this model.

    Args:
        port: the board's serial port (for uf2 its drive's folder is possible too).
        method: one of the board's; without it the emulator where there is one and no `port` is given, else the first
            whose tool is installed.
        quiet: no progress.
    Raises: BoardError when there is no method, UsageError for one that is not the board's, ToolMissing, ToolFailed,
        PortError, DeviceError, WrongBoard, WrongFirmware.
    """
    chosen = choose(board, port, method)
    if chosen == EMULATOR:
        return FLASHERS[chosen].flash(board, firmware, port, quiet=quiet)
    with writing(board.name, chosen, port, firmware) as recovered:
        flashed = FLASHERS[chosen].flash(board, firmware, port, quiet=quiet)
    if flashed.port is not None and ("://" in flashed.port or Path(flashed.port).is_char_device()):
        _prove(board, firmware, flashed)
    return dataclasses.replace(flashed, recovered=recovered)


def choose(board: Board, port: str | None, method: str | None) -> str:
    """The method to flash by; see `flash`. Raises: BoardError, UsageError."""
    known = [m for m in board.flash_methods if m in FLASHERS]
    if method is not None:
        if method not in known:
            raise UsageError(
                f"{board.name} is not flashed by {method!r}", expected=f"one of {', '.join(known) or 'none'}"
            )
        return method
    if port is not None or board.emulator is None:
        known = [m for m in known if m != EMULATOR]
    if not known:
        raise BoardError(
            f"no way to flash {board.name}",
            expected=f"one of {', '.join(FLASHERS)}",
            found=", ".join(board.flash_methods) or "none",
        )
    return next((m for m in known if _is_installed(m)), known[0])


def _is_installed(method: str) -> bool:
    flasher = FLASHERS[method]
    return not isinstance(flasher, ToolFlasher) or any(shutil.which(name) for name in flasher.programs)


def _prove(board: Board, firmware: Firmware, flashed: Flashed) -> None:
    """Greet the board. Raises: WrongFirmware, DeviceError."""
    from tinykit.link.device import open_device

    try:
        with open_device(board, firmware, flashed.port) as device:
            device.require_model(firmware.model_sha256)
    except LinkTimeout as error:
        raise DeviceError(
            f"{firmware.name} was written to {board.name} by {flashed.method} and verified, but nobody answers on "
            f"{flashed.port}",
            next_step="Press reset; check that this is the port of the UART that 'tinykit boards show' names",
            page="device-silent",
        ) from error
