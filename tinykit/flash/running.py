"""Emulated boards that run in the background, so that a later command finds them by their port as it finds hardware.

Each leaves a record and a control socket in a folder of the user's own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import OutputError, TinykitError, ToolFailed
from tinykit.files import write_atomic
from tinykit.flash.base import Flashed
from tinykit.flash.emulator import command, kill, launch, release
from tinykit.flash.kinds import kind_of
from tinykit.flash.qmp import Qmp

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware

_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class RunningBoard:
    """One emulated board in the background: its `board` name, `port`, `elf`, `pid` and how it counts time."""

    board: str
    port: str
    elf: str
    pid: int
    icount_shift: int | None
    cycle_exact: bool = False


def runtime_folder() -> Path:
    """The folder of records, readable for this user alone.

    Raises: OutputError when another user owns it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "tinykit" if base else Path(tempfile.gettempdir()) / f"tinykit-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise OutputError(f"cannot use the folder {folder}", found=error.strerror) from error
    if status.st_uid != os.getuid() or folder.is_symlink() or status.st_mode & 0o077:
        raise OutputError(f"the folder {folder} is not yours alone", next_step="Set XDG_RUNTIME_DIR to one that is")
    return folder


def start(board: Board, elf: Path, *, counting: bool = True) -> RunningBoard:
    """Run `board` with the firmware in `elf` in the background, in the place of one that runs already.

    Raises: BoardError, ToolMissing, ToolFailed, OutputError.
    """
    stop(board.name)
    folder = runtime_folder()
    record, qmp, log = _paths(folder, board.name)
    process, port = launch(command(board, elf.resolve(), qmp, counting=counting), qmp, log, leashed=False)
    try:
        release(process, qmp, log)
    except BaseException:
        kill(process)
        raise
    shift = kind_of(board).icount_shift(board)
    running = RunningBoard(
        board.name, port, str(elf.resolve()), process.pid, shift if counting else None, cycle_exact=shift is None
    )
    write_atomic(record, json.dumps(dataclasses.asdict(running)))
    return running


def running_boards() -> list[RunningBoard]:
    """Those that really run; records of others are removed."""
    folder = runtime_folder()
    found = []
    for record in sorted(folder.glob("*.json")):
        try:
            entry = RunningBoard(**json.loads(record.read_text()))
            with Qmp(_paths(folder, entry.board)[1]):
                found.append(entry)
        except (OSError, ValueError, TypeError, TinykitError):
            record.unlink(missing_ok=True)
    return found


def find(port: str) -> RunningBoard | None:
    """The background board whose UART is `port`; None for other ports, and where no board can run in the background."""
    if sys.platform == "win32" or "://" in port:
        return None
    wanted = os.path.realpath(port)
    try:
        return next((b for b in running_boards() if os.path.realpath(b.port) == wanted), None)
    except OutputError:
        return None


def stop(board: str | None = None) -> list[str]:
    """End one board, or all; the names of those that ran.

    Raises: ToolFailed when one does not end.
    """
    folder = runtime_folder()
    stopped = []
    for entry in running_boards():
        if board in (None, entry.board):
            _end(folder, entry)
            stopped.append(entry.board)
    return stopped


def _paths(folder: Path, board: str) -> tuple[Path, Path, Path]:
    """Record, control socket and log of a board."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", board)
    return folder / f"{stem}.json", folder / f"{stem}.qmp", folder / f"{stem}.log"


def _end(folder: Path, entry: RunningBoard) -> None:
    record, qmp, _ = _paths(folder, entry.board)
    with contextlib.suppress(ToolFailed, OSError), Qmp(qmp) as control:
        control.execute("quit")
    deadline = time.monotonic() + _STOP_SECONDS
    while _answers(qmp):
        if time.monotonic() > deadline:
            raise ToolFailed(f"the emulator of {entry.board} does not end", next_step=f"End it: kill {entry.pid}")
        time.sleep(0.01)
    for path in (record, qmp):
        path.unlink(missing_ok=True)


def _answers(qmp: Path) -> bool:
    try:
        with Qmp(qmp):
            return True
    except (OSError, TinykitError):
        return False


class EmulatorFlasher:
    """The `Flasher` of emulated boards."""

    def flash(self, board: Board, firmware: Firmware, port: str | None, *, quiet: bool = False) -> Flashed:
        """Start the board in the background. The emulator chooses its port itself: `port` is not used."""
        running = start(board, firmware.elf)
        return Flashed(board.name, "emulator", running.port)
