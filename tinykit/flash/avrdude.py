"""avrdude: AVR chips, by a boot loader or a programmer."""

from __future__ import annotations

from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, not_verified, wrong_board


def _steps(job: Job) -> list[Step]:
    """avrdude reads the chip's signature first and verifies by itself; -D since a boot loader erases page by page."""
    arguments = (
        *("-p", job.required("part"), "-c", job.required("programmer"), "-b", job.option("baud", "115200")),
        *("-P", job.serial_port, "-D", "-U", f"flash:w:{job.firmware.hex.resolve()}:i"),
    )
    return [Step("writing and verifying", arguments, proof=r"bytes of flash verified")]


def percent(output: str) -> float | None:
    """avrdude draws 50 marks each for writing and for reading back, and says the percentage only at the end."""
    bars = [line for line in output.replace("\r", "\n").splitlines() if line.startswith(("Writing |", "Reading |"))]
    writing = [bar for bar in bars if bar.startswith("Writing")]
    if not writing:
        return None
    reading = bars[bars.index(writing[-1]) + 1 :]
    return float(writing[-1].count("#") + (reading[-1].count("#") if reading else 0))


AVRDUDE = ToolFlasher(
    method="avrdude",
    programs=("avrdude",),
    install="sudo apt install avrdude",
    steps=_steps,
    failures=(
        wrong_board(r"expected signature for|signature .* (doesn't|does not) match|Yikes"),
        not_verified(r"verification (error|mismatch)|content mismatch"),
        Failure(
            r"not in sync|programmer is not responding|not responding|ser_recv\(\)",
            "its boot loader does not answer",
            "Check that --port is this board's, press its reset button, and try again",
        ),
    ),
    serial=True,
    bytes_a_second=500,
    percent=percent,
)
