"""bossac: boards with a SAM-BA boot loader, such as Arduino's with SAMD or nRF52840 chips."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

import serial

from tinykit.errors import PortError, WrongBoard
from tinykit.flash.tool import Job, Step, ToolFlasher, no_device, not_verified
from tinykit.link.port import SerialPort

_TOUCH_BAUD = 1200
"""Opening the port at this rate and closing it makes the board restart in its boot loader (Arduino's convention)."""

_BACK_SECONDS = 8.0


def touch(port: str) -> None:
    """Send the board into its boot loader and wait until its port is back.

    Raises: PortError when it does not come back.
    """
    SerialPort(port, baud=_TOUCH_BAUD).close()
    deadline = time.monotonic() + _BACK_SECONDS
    time.sleep(0.5)  # the old port lingers for some hundred milliseconds
    while time.monotonic() < deadline:
        if Path(port).exists():
            with contextlib.suppress(OSError, serial.SerialException):
                serial.Serial(port).close()
                return
        time.sleep(0.1)
    raise PortError(
        f"{port} did not come back after the board was sent into its boot loader",
        next_step="Press its reset button twice; if its port now has another name, give that with --port",
        page="flash-no-device",
    )


def _steps(job: Job) -> list[Step]:
    wanted = job.required("device")
    touch(job.serial_port)

    def check(output: str) -> None:
        found = re.search(r"Device\s*:\s*(\S+)", output)
        if found is None or not found[1].startswith(wanted):
            raise WrongBoard(
                f"another chip than {job.board.name}'s answers; nothing was written",
                expected=wanted,
                found=found[1] if found else "no chip's name",
                next_step="Check --board and --port",
                page="flash-wrong-board",
            )

    port = f"--port={Path(job.serial_port).name}"
    place = (f"--offset={job.option('offset')}",) if job.option("offset") else ()
    write = ("-e", "-w", "-v", *place, str(job.firmware.binary.resolve()), "-R")
    return [
        Step("looking at the chip", (port, "-i"), check=check),
        Step("writing and verifying", (port, *write), proof="Verify successful"),
    ]


BOSSAC = ToolFlasher(
    method="bossac",
    programs=("bossac",),
    install="sudo apt install bossa-cli",
    steps=_steps,
    failures=(
        not_verified(r"Verify failed|Page mismatch"),
        no_device(
            "its boot loader does not answer",
            "Press reset twice and try again",
            r"No device found|SAM-BA operation failed",
        ),
    ),
    serial=True,
)
