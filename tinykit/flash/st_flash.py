"""st-flash of the stlink tools: ST boards with an ST-LINK."""

from __future__ import annotations

import re

from tinykit.errors import WrongBoard
from tinykit.flash.tool import Job, Step, ToolFlasher, no_device, not_verified

_NO_PROBE = r"Found 0 stlink|Couldn't find any ST-Link|unable to open the stlink"


def _require_chip(job: Job) -> Step:
    """Reads the chip's id and refuses another one, before anything is written."""
    wanted = int(job.required("chip_id"), 0)

    def check(output: str) -> None:
        found = [int(text, 16) for text in re.findall(r"chip-?id:\s*(0x[0-9a-f]+)", output, re.IGNORECASE)]
        if wanted not in found:
            raise WrongBoard(
                f"another chip than {job.board.name}'s is on the ST-LINK; nothing was written",
                expected=f"chip id {wanted:#x}",
                found=", ".join(f"{chip:#x}" for chip in found) or "none",
                next_step="Check --board and which board is plugged in",
                page="flash-wrong-board",
            )

    return Step("looking at the chip", ("--probe",), program="st-info", proof=r"Found [1-9]\d* stlink", check=check)


def _steps(job: Job) -> list[Step]:
    arguments = ("--reset", "--format", "binary", "write", str(job.firmware.binary.resolve()), job.address)
    return [_require_chip(job), Step("writing and verifying", arguments, proof="written and verified")]


ST_FLASH = ToolFlasher(
    method="st-flash",
    programs=("st-flash",),
    install="sudo apt install stlink-tools",
    steps=_steps,
    failures=(
        not_verified(r"Verification of flash failed|verify failed|does not match"),
        no_device("no ST-LINK was found", "Plug the board in with a cable that carries data", _NO_PROBE),
    ),
)
