"""What is being written to a board, kept on disk: a flash that was cut off is known to the next command.

A half-written board may still answer with the new model's hash, so nothing talks to it before it was written anew.
The record is locked by the process that writes; the lock ends with it, however it dies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import DeviceError, InputError, OutputError, TinykitError, ToolMissing
from tinykit.files import sha256, write_error

if TYPE_CHECKING:
    from tinykit.firmware.build import Firmware

if sys.platform != "win32":
    import fcntl

WRITING, WHOLE = "writing", "whole"

_NOT_REACHED = {"flash-no-device", "flash-permission", "port-missing", "port-busy", "port-permission"}
"""Pages of errors that say that the board was not reached at all."""


@dataclass(frozen=True)
class Record:
    """The last flash of a board: its `state`, by which `method` and through which `port`, the firmware's `model`,
    `model_sha256` and `firmware_sha256`, the writing process's `pid`, and when it was `started`."""

    state: str
    board: str
    method: str
    port: str | None
    model: str
    model_sha256: str
    firmware_sha256: str
    pid: int
    started: str


def state_folder() -> Path:
    """Where records lie: $XDG_STATE_HOME/tinykit/flash, by default under ~/.local/state."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "tinykit" / "flash"


@contextlib.contextmanager
def writing(board: str, method: str, port: str | None, firmware: Firmware) -> Iterator[str | None]:
    """Note that `firmware` is being written to `board` for as long as the block lasts, and that it is whole after it.

    A block that ends in an error before anything was written leaves the record as it was.

    Gives what an earlier flash that was cut off left there, in words, or None.
    Raises: DeviceError when another process is writing to the board, OutputError.
    """
    path = _path(board, port)
    record = Record(
        state=WRITING,
        board=board,
        method=method,
        port=port,
        model=firmware.name,
        model_sha256=firmware.model_sha256,
        firmware_sha256=sha256(firmware.elf.read_bytes()),
        pid=os.getpid(),
        started=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    with _locked(path, board) as descriptor:
        earlier = _read(path)
        _write(descriptor, path, record)
        try:
            yield _left_by(earlier) if earlier is not None and earlier.state == WRITING else None
        except TinykitError as error:
            if _is_untouched(error):
                _write(descriptor, path, earlier)
            raise
        _write(descriptor, path, dataclasses.replace(record, state=WHOLE))


def records(board: str, port: str | None = None) -> list[Record]:
    """What is known of flashes of `board`: through `port`, or by a tool that needs none; all of them without `port`."""
    found = []
    for path in sorted(state_folder().glob("*.json")):
        record = _read(path)
        if record is not None and record.board == board and (port is None or record.port in (None, port)):
            found.append(record)
    return found


def require_whole(board: str, port: str) -> None:
    """Make sure that the last flash of `board` was not cut off.

    Raises: DeviceError with what was being written.
    """
    for record in records(board, port):
        if record.state == WRITING:
            raise DeviceError(
                _busy(record) if _is_locked(_path(board, record.port)) else _left_by(record),
                next_step="Flash it again: tinykit flash MODEL.tflite with the same --board and --port; or, if you "
                f"wrote it by other means since, remove {_path(board, record.port)}",
                page="flash-interrupted",
                facts=dataclasses.asdict(record),
            )


def _is_untouched(error: TinykitError) -> bool:
    """Whether the flash ended before anything was written: refused, no tool, or no board reached by the first steps."""
    is_late = error.facts.get("step") in ("verifying", "starting")
    return isinstance(error, (InputError, ToolMissing)) or (error.page in _NOT_REACHED and not is_late)


def _left_by(record: Record) -> str:
    return (
        f"the flash of {record.model} to {record.board} by {record.method}, started {record.started}, was cut off: "
        "the board holds an unknown part of it"
    )


def _busy(record: Record) -> str:
    return f"{record.board} is being flashed by {record.method} (process {record.pid}) right now"


def _path(board: str, port: str | None) -> Path:
    name = board if port is None else f"{board}@{port}"
    stem = re.sub(r"[^A-Za-z0-9._@-]", "_", name)
    return state_folder() / f"{stem}.{sha256(name.encode())[:8]}.json"


@contextlib.contextmanager
def _locked(path: Path, board: str) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputError(
            f"cannot keep a record of the flash in {path.parent}",
            found=error.strerror,
            next_step="Set XDG_STATE_HOME to a folder that can be written",
        ) from error
    try:
        if not _lock(descriptor):
            there = _read(path)
            raise DeviceError(
                _busy(there) if there is not None else f"{board} is being flashed by another process right now",
                next_step="Wait until it is done",
                page="port-busy",
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, path: Path, record: Record | None) -> None:
    """In place, since a rename would lose the lock; one write of one block, so that no reader sees half of it."""
    data = b"" if record is None else json.dumps(dataclasses.asdict(record)).encode()
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, data.ljust(4096))
        os.fsync(descriptor)
    except OSError as error:
        raise write_error(path, error) from error


def _read(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
