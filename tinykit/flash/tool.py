"""The one runner of all flash tools that are programs: each tool's file says how it is called and what it says when
something goes wrong; finding it, running it, progress, time-outs and errors are here."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import BoardError, DeviceError, PortError, TinykitError, ToolFailed, ToolMissing, WrongBoard
from tinykit.files import data_folder
from tinykit.flash.base import Flashed
from tinykit.flash.process import Ran, run
from tinykit.flash.usb import board_port, plugged
from tinykit.progress import Progress

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware

START_SECONDS = 30.0
"""What a tool may take before its first byte is written: USB, reset, erasing."""

_SAID = 500
"""Characters of a tool's last words that an error carries."""


@dataclass(frozen=True)
class Failure:
    """What a tool prints (`pattern`, any case) when something known goes wrong, and what that means."""

    pattern: str
    what: str
    next_step: str
    error: type[TinykitError] = ToolFailed
    page: str = "flash-failed"


@dataclass(frozen=True)
class Step:
    """One run of a tool.

    Attributes:
        title: what it does, for the progress line.
        arguments: behind the program's name.
        program: another program of the same package; "" for the tool itself.
        proof: a pattern that the output of a success holds.
        check: judges the output of a success; raises what is wrong.
        statuses: exit statuses of a success.
    """

    title: str
    arguments: tuple[str, ...]
    program: str = ""
    proof: str = ""
    check: Callable[[str], None] = lambda output: None
    statuses: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Job:
    """One flash: `firmware` to `board` by `method`, through `port`; `folder` is for the tool's own files."""

    board: Board
    firmware: Firmware
    method: str
    port: str | None
    folder: Path

    def option(self, key: str, default: str = "") -> str:
        """What [flash.METHOD] of the board's file says for `key`."""
        return self.board.flash_options.get(self.method, {}).get(key, default)

    def required(self, key: str) -> str:
        """As `option`. Raises: BoardError where the board's file does not say."""
        value = self.option(key)
        if not value:
            raise BoardError(
                f"{self.board.source} does not say how {self.method} reaches the board",
                expected=f"{key!r} in [flash.{self.method}]",
                next_step=f"Add it to the file, or give --set {key}=VALUE",
            )
        return value

    @property
    def serial_port(self) -> str:
        """The port, for a tool that cannot do without. Raises: PortError."""
        if self.port is None:
            raise PortError(f"{self.method} needs the board's serial port", next_step="Give it with --port")
        return self.port

    @property
    def address(self) -> str:
        """Where the program goes, as 0x........"""
        return f"{self.board.flash.origin:#010x}"


def percent_said(output: str) -> float | None:
    """The last percentage, or "n/m pages", of a tool's output; None where it says none."""
    tail = output[-400:]
    found: float | None = None
    for match in re.finditer(r"(\d{1,3}(?:\.\d+)?)\s?%|\b(\d+)/(\d+) (?:pages|blocks)", tail):
        found = float(match[1]) if match[1] else 100 * int(match[2]) / max(int(match[3]), 1)
    return found


def permission_advice() -> str:
    """How to let this user reach USB devices: the rules that we ship."""
    rules = data_folder("boards") / "udev" / "99-tinykit.rules"
    return (
        f"Install the udev rules: sudo cp {rules} /etc/udev/rules.d/ && sudo udevadm control --reload "
        "&& sudo udevadm trigger; then plug the board in again"
    )


def no_device(what: str, next_step: str, pattern: str) -> Failure:
    """The failure of a tool that finds nothing to talk to."""
    return Failure(pattern, what, next_step, DeviceError, "flash-no-device")


def wrong_board(pattern: str) -> Failure:
    """The failure of a tool that finds another chip."""
    what = "another chip than the board's answered; nothing was written"
    return Failure(pattern, what, "Check --board and which board is plugged in", WrongBoard, "flash-wrong-board")


def not_verified(pattern: str) -> Failure:
    """The failure of a tool that reads back something else than it wrote."""
    what = "the board does not hold what was written to it"
    return Failure(pattern, what, "Run the same command again; if it repeats, the flash memory is worn or protected")


def _common() -> tuple[Failure, ...]:
    """What every tool may say, after its own."""
    denied = r"LIBUSB_ERROR_ACCESS|permission denied|insufficient permissions|Access denied"
    busy = r"LIBUSB_ERROR_BUSY|device or resource busy|resource temporarily unavailable|port is busy(?! or)"
    return (
        Failure(denied, "no permission to reach the board", permission_advice(), PortError, "flash-permission"),
        Failure(busy, "another program holds the board", "Close debuggers and terminals, then try again", PortError),
        Failure(
            r"LIBUSB_ERROR_NO_DEVICE|LIBUSB_TRANSFER_NO_DEVICE|\[Errno 19\]|device disconnected|Input/output error",
            "the board went away while it was being written",
            "Check the cable, then run the same command again: it writes everything anew",
            DeviceError,
            "flash-interrupted",
        ),
    )


@dataclass(frozen=True)
class ToolFlasher:
    """A `Flasher` that runs a program.

    Attributes:
        method: the name in a board's file.
        programs: names of the program, the preferred first.
        install: how to get it.
        steps: the runs of it for a job, in order; what they raise ends the flash before anything runs.
        failures: what it says when something goes wrong, the most telling first.
        serial: it works through a serial port, which is found by the board's USB ids where none is given.
        bytes_a_second: the slowest that it writes and verifies, for the time-out.
        percent: how far it is, from its output.
    """

    method: str
    programs: tuple[str, ...]
    install: str
    steps: Callable[[Job], list[Step]]
    failures: tuple[Failure, ...]
    serial: bool = False
    bytes_a_second: int = 1000
    percent: Callable[[str], float | None] = percent_said

    def flash(self, board: Board, firmware: Firmware, port: str | None, *, quiet: bool = False) -> Flashed:
        """See `Flasher.flash`."""
        program = self.find()
        if self.serial:
            port = board_port(board, port)
        seconds = START_SECONDS + firmware.binary.stat().st_size / self.bytes_a_second
        with tempfile.TemporaryDirectory(prefix="tinykit-flash-") as folder:
            job = Job(board, firmware, self.method, port, Path(folder))
            for step in self.steps(job):
                self._run(program, job, step, seconds, quiet)
        return Flashed(board.name, self.method, port)

    def find(self) -> str:
        """The program's path. Raises: ToolMissing."""
        for name in self.programs:
            path = shutil.which(name)
            if path is not None:
                return path
        raise ToolMissing(
            f"{self.programs[0]} is not installed",
            expected=f"{' or '.join(self.programs)} on PATH",
            next_step=f"Install it: {self.install}",
            page="flash-tool-missing",
        )

    def _run(self, program: str, job: Job, step: Step, seconds: float, quiet: bool) -> None:
        if step.program:
            beside = Path(program).with_name(step.program)
            program = str(beside) if beside.is_file() else step.program
        with Progress(f"{self.method}: {step.title}", 100, quiet=quiet) as progress:

            def heard(output: str) -> None:
                percent = self.percent(output)
                if percent is not None and percent > progress.done:
                    progress.advance(min(int(percent), 100) - progress.done)

            ran = run([program, *step.arguments], seconds, heard, job.folder)
            is_good = ran.status in step.statuses and re.search(step.proof, ran.output, re.IGNORECASE) is not None
            if not is_good:
                raise self._failed(job, step, ran)
            step.check(ran.output)

    def _failed(self, job: Job, step: Step, ran: Ran) -> TinykitError:
        said = " / ".join(line.strip() for line in re.split(r"[\r\n]+", ran.output) if line.strip())[-_SAID:]
        facts = {"method": self.method, "step": step.title, "status": ran.status, "output": said}
        for failure in (*self.failures, *_common()):
            if re.search(failure.pattern, ran.output, re.IGNORECASE):
                found = f"USB devices: {', '.join(plugged()) or 'none'}" if failure.page == "flash-no-device" else None
                return failure.error(
                    f"{self.method} could not flash {job.board.name}: {failure.what}",
                    found=found or _telling(ran.output, failure.pattern),
                    next_step=failure.next_step,
                    page=failure.page,
                    facts=facts,
                )
        return ToolFailed(
            f"{self.method} could not flash {job.board.name} ({step.title}, exit status {ran.status})",
            found=f"it said: {said or 'nothing'}",
            next_step="Check the cable and the board's power, then run the same command again",
            page="flash-failed",
            facts=facts,
        )


def _telling(output: str, pattern: str) -> str:
    """The line that a pattern was found in."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", output) if re.search(pattern, line, re.IGNORECASE)]
    return lines[0][:200] if lines else "its output says so"
