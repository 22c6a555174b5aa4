"""What every flash tool gives: one file a tool, one `Flasher` in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware


@dataclass(frozen=True)
class Flashed:
    """A board that runs new firmware: the `method` used, the serial `port` to talk to it, the `board`'s name.

    `recovered` says in words what an earlier flash that was cut off had left there, None where there was none.
    """

    board: str
    method: str
    port: str | None
    recovered: str | None = None


class Flasher(Protocol):
    """A tool that puts firmware on a board."""

    def flash(self, board: Board, firmware: Firmware, port: str | None, *, quiet: bool = False) -> Flashed:
        """Write `firmware` to `board` and start it. `port`: the serial port, where the tool or the user needs one.

        Args: `quiet` shows no progress.
        Raises: ToolMissing, ToolFailed, PortError, DeviceError, WrongBoard.
        """
