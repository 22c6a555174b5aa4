"""stm32flash: ST's chips, through the UART boot loader in their ROM (ST AN2606, AN3155)."""

from __future__ import annotations

import re

from tinykit.errors import WrongBoard
from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, no_device, not_verified

_ENTER = "Set BOOT0, reset the board, and try again; check that --port is its boot loader's UART"


def _require_chip(job: Job, line: tuple[str, ...]) -> Step:
    """Asks the boot loader for the chip's id and refuses another one, before anything is written."""
    wanted = int(job.required("device_id"), 0)

    def check(output: str) -> None:
        found = re.search(r"Device ID\s*:\s*(0x[0-9a-f]+)", output)
        if found is None or int(found[1], 16) != wanted:
            raise WrongBoard(
                f"another chip than {job.board.name}'s answers; nothing was written",
                expected=f"device id {wanted:#x}",
                found=found[1] if found else "no device id",
                next_step="Check --board and --port",
                page="flash-wrong-board",
            )

    return Step("looking at the chip", (*line, job.serial_port), check=check)


def _steps(job: Job) -> list[Step]:
    line = ("-b", job.option("baud", "115200"), "-m", job.option("mode", "8e1"))
    write = ("-w", str(job.firmware.binary.resolve()), "-S", job.address, "-v", "-g", job.address, job.serial_port)
    proof = r"100\.00%\) Done|Wrote and verified address \S+ \(100\.00%\)"
    return [_require_chip(job, line), Step("writing and verifying", (*line, *write), proof=proof)]


STM32FLASH = ToolFlasher(
    method="stm32flash",
    programs=("stm32flash",),
    install="sudo apt install stm32flash",
    steps=_steps,
    failures=(
        not_verified("Failed to verify"),
        Failure(r"read.?protect", "the chip is protected", "Remove it, which erases the chip: stm32flash -k PORT"),
        no_device(
            "the chip's boot loader does not answer", _ENTER, r"Failed to init device|Failed to read ACK|Got NACK"
        ),
    ),
    serial=True,
    bytes_a_second=500,
)
