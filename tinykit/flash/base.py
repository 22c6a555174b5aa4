"""What every flash tool gives: one file a tool, one `Flasher` in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware


@dataclass(frozen=True)
class Flashed:
    """A board that runs new firmware: the `method` used, the serial `port` to talk to it, the `board`'s name."""

    board: str
    method: str
    port: str | None


class Flasher(Protocol):
    """A tool that puts firmware on a board."""

    def flash(self, board: Board, firmware: Firmware, port: str | None) -> Flashed:
        """Write `firmware` to `board` and start it. `port`: the serial port, where the tool or the user needs one.

        Raises: ToolMissing, ToolFailed, PortError.
        """
