"""UF2: boot loaders that show up as a drive, such as the Raspberry Pi Pico's. A program is copied there.

Format: Microsoft's UF2 specification (github.com/microsoft/uf2).
"""

from __future__ import annotations

import getpass
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import BoardError, DeviceError, PortError, ToolFailed, UsageError, WrongBoard
from tinykit.flash.base import Flashed
from tinykit.flash.tool import permission_advice
from tinykit.progress import Progress

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware

INFORMATION = "INFO_UF2.TXT"
PAYLOAD = 256
"""Data bytes in each block of 512, as every boot loader takes them."""

_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_HAS_FAMILY = 0x2000
_ENTER = "Hold its boot button while you plug it in (or press reset twice), so that it shows up as a drive"


def blocks(program: bytes, origin: int, family: int) -> bytes:
    """A UF2 file that writes `program` at the address `origin` of chips of this `family`."""
    count = -(-len(program) // PAYLOAD)
    made = bytearray()
    for number in range(count):
        data = program[number * PAYLOAD : (number + 1) * PAYLOAD].ljust(476, b"\0")
        head = (*_MAGIC[:2], _HAS_FAMILY, origin + number * PAYLOAD, PAYLOAD, number, count, family)
        made += struct.pack("<8I", *head) + data + struct.pack("<I", _MAGIC[2])
    return bytes(made)


def drives(roots: tuple[Path, ...] | None = None) -> list[Path]:
    """Mounted boot loader drives."""
    user = os.environ.get("USER") or getpass.getuser()
    places = roots or (Path("/media") / user, Path("/run/media") / user, Path("/media"), Path("/Volumes"), Path("/mnt"))
    return sorted({f.parent for place in places for f in _glob(place)})


def _glob(place: Path) -> Iterator[Path]:
    try:
        yield from place.glob(f"*/{INFORMATION}")
    except OSError:
        return


def board_id(drive: Path) -> str:
    """The Board-ID in a drive's INFO_UF2.TXT. Raises: DeviceError when the folder is no such drive."""
    try:
        text = (drive / INFORMATION).read_text(errors="replace")
    except OSError as error:
        raise DeviceError(
            f"{drive} is no UF2 drive",
            expected=f"a file {INFORMATION}",
            found=error.strerror,
            next_step=_ENTER,
            page="flash-no-device",
        ) from error
    found = re.search(r"^Board-ID:\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


class Uf2Flasher:
    """The `Flasher` of such drives."""

    def flash(self, board: Board, firmware: Firmware, port: str | None, *, quiet: bool = False) -> Flashed:
        """`port` may name the drive's folder; otherwise the only drive of this board is taken.

        The boot loader checks what it gets and starts it; whether it runs, the serial port tells.
        Raises: as `Flasher.flash`; BoardError where the board's file lacks [flash.uf2].
        """
        options = board.flash_options.get("uf2", {})
        if "family" not in options or "board_id" not in options:
            raise BoardError(f"{board.source} does not say `board_id` and `family` in [flash.uf2]")
        folder = Path(port) if port is not None and Path(port).is_dir() else None
        drive = _fitting(board, [folder] if folder else drives(), options["board_id"])
        data = blocks(firmware.binary.read_bytes(), board.flash.origin, int(options["family"], 0))
        _copy(data, drive / f"{firmware.name}.uf2", quiet)
        return Flashed(board.name, "uf2", None if folder else port)


def _fitting(board: Board, there: list[Path], wanted: str) -> Path:
    """The one drive whose Board-ID starts with `wanted`."""
    named = {drive: board_id(drive) for drive in there}
    fitting = [drive for drive, name in named.items() if name.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    said = ", ".join(f"{drive} ({name or 'no Board-ID'})" for drive, name in named.items())
    if len(fitting) > 1:
        raise UsageError(f"several drives could be {board.name}", found=said, next_step="Give its folder with --port")
    if named:
        raise WrongBoard(
            f"another board than {board.name} shows up as a drive; nothing was written",
            expected=f"Board-ID {wanted}",
            found=said,
            next_step="Check --board and which board is plugged in",
            page="flash-wrong-board",
        )
    raise DeviceError(
        f"no {board.name} shows up as a drive",
        expected=f"a mounted drive with {INFORMATION}",
        next_step=_ENTER,
        page="flash-no-device",
    )


def _copy(data: bytes, path: Path, quiet: bool) -> None:
    """Block by block, flushed to the board; at the last block it restarts, and the drive may vanish under us."""
    written = 0
    try:
        with Progress("uf2: writing", len(data), quiet=quiet) as progress, path.open("wb", buffering=0) as stream:
            for at in range(0, len(data), 512 * 64):
                stream.write(data[at : at + 512 * 64])
                os.fsync(stream.fileno())
                written = min(at + 512 * 64, len(data))
                progress.advance(written - progress.done)
    except PermissionError as error:
        raise PortError(f"no permission to write to {path.parent}", next_step=permission_advice()) from error
    except OSError as error:
        if written < len(data) and path.parent.exists() and (path.parent / INFORMATION).exists():
            raise ToolFailed(f"cannot write to {path.parent}", found=error.strerror, page="flash-failed") from error
        if written + 512 * 64 < len(data):
            raise DeviceError(
                "the board went away while it was being written",
                found=f"{written} of {len(data)} bytes written",
                next_step="Check the cable, then run the same command again: it writes everything anew",
                page="flash-interrupted",
            ) from error
