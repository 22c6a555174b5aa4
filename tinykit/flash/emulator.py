"""Emulated boards: a program that emulates, a pseudo terminal for the UART, and QMP for control; see kinds.py."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tinykit.errors import ToolFailed
from tinykit.flash.kinds import kind_of
from tinykit.flash.qmp import Qmp

if TYPE_CHECKING:
    from tinykit.boards import Board

_START_SECONDS = 15.0
_DYING_SECONDS = 1.0
_POLL_SECONDS = 0.005

_LEASHED = 'exec 3<&0 </dev/null; (read -r _ <&3 || kill -KILL $$) & exec 3<&-; exec "$@"'
"""Shell that runs a program which dies with its parent: standard input is a pipe that only the parent can write; at
its end (the parent is gone, however it died) the program is killed. A line written there lets it off the leash."""


def command(board: Board, elf: Path, qmp: Path, *, counting: bool) -> list[str]:
    """The emulator's command line: UART on a new pty, control at `qmp`; it waits for `release`.

    Raises: BoardError for a board without an emulator, ToolMissing, ToolFailed.
    """
    return kind_of(board).command(board, elf, qmp, counting)


def launch(arguments: list[str], qmp: Path, log: Path, *, leashed: bool) -> tuple[subprocess.Popen[bytes], str]:
    """Start an emulator that waits for `release`; the process and its pty's path.

    `leashed`: it dies with this process. Otherwise it lives on.
    Raises: ToolFailed with the end of its output when it does not come up.
    """
    leash = ["/bin/sh", "-c", _LEASHED, "sh"] if leashed else []
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*leash, *arguments],
            stdin=subprocess.PIPE if leashed else subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with _blaming(process, log), _connect(process, qmp, log) as control:
            return process, _pty(control)
    except BaseException:
        kill(process)
        raise


def release(process: subprocess.Popen[bytes], qmp: Path, log: Path) -> None:
    """Build the machine, load the firmware and run it.

    Raises: ToolFailed with the end of the emulator's output when it does not.
    """
    with _blaming(process, log), Qmp(qmp) as control:
        control.execute("x-exit-preconfig")
        control.execute("cont")


@contextlib.contextmanager
def _blaming(process: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Where the emulator hangs up because it dies: its own words and status say more than the broken conversation."""
    try:
        yield
    except (ToolFailed, OSError) as error:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_DYING_SECONDS)
        raise failure(process, log, "did not start") from error


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the emulator for certain, and its leash with it."""
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdin is not None and not process.stdin.closed:
        with contextlib.suppress(OSError):
            process.stdin.write(b"\n")
            process.stdin.close()


def _connect(process: subprocess.Popen[bytes], qmp: Path, log: Path) -> Qmp:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return Qmp(qmp)
        time.sleep(_POLL_SECONDS)
    raise failure(process, log, "did not start")


def failure(process: subprocess.Popen[bytes], log: Path, what: str) -> ToolFailed:
    """The error for an emulator that died or hangs, with the end of its output."""
    status = process.poll()
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    said = "; ".join(line.strip() for line in lines if line.strip() and "redirected to" not in line)[-600:]
    return ToolFailed(
        f"the emulator {what}",
        found=f"{'still running' if status is None else f'exit status {status}'}, it said: {said or 'nothing'}",
        next_step="Check the ELF file, and that the emulator knows the board's machine (QEMU: qemu-system-arm -M help)",
        page="emulator-failed",
    )


def _pty(control: Qmp) -> str:
    for device in control.execute("query-chardev"):
        name = str(device.get("filename", ""))
        if name.startswith("pty:"):
            return name.removeprefix("pty:")
    raise ToolFailed("the emulator opened no pseudo terminal", next_step="Check that /dev/pts is mounted")


class Emulator:
    """An emulated board of this process; use as a context manager. It never outlives this process.

    It waits until `run`: open its port first, see `command`.

    Attributes: `port` the path of its UART's pty; `icount_shift` and `cycle_exact` as of `EmulatorKind`: how it counts
    time, None and False where it goes by the host's clock.
    """

    def __init__(self, board: Board, elf: Path, *, counting: bool = True) -> None:
        """Prepare `board` with the firmware in `elf`.

        Args:
            counting: time advances with each instruction (exact counts) instead of with the host's clock (faster).
        Raises: BoardError, ToolMissing, ToolFailed.
        """
        self.port = ""
        shift = kind_of(board).icount_shift(board)
        self.icount_shift = shift if counting else None
        self.cycle_exact = shift is None
        self._folder = tempfile.TemporaryDirectory(prefix="tinykit-")
        self._qmp = Path(self._folder.name) / "qmp"
        self._log = Path(self._folder.name) / "log"
        try:
            arguments = command(board, elf, self._qmp, counting=counting)
            self._process, self.port = launch(arguments, self._qmp, self._log, leashed=True)
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        return self._process.pid

    def require_alive(self, patience: float = 0.0) -> None:
        """Raises: ToolFailed with the end of the emulator's output if it died or dies within `patience` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patience)
            raise failure(self._process, self._log, "died")

    def run(self) -> None:
        """Let it run. Raises: ToolFailed."""
        release(self._process, self._qmp, self._log)

    def reset(self) -> None:
        """Press the board's reset button. Raises: ToolFailed."""
        self.require_alive()
        with Qmp(self._qmp) as control:
            control.execute("system_reset")

    def stop(self) -> None:
        """End it; a second call does nothing."""
        kill(self._process)
        self._folder.cleanup()
