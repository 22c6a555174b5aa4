"""dfu-util: chips whose ROM holds a USB boot loader with ST's DfuSe extension (ST AN3156, UM0424)."""

from __future__ import annotations

import re
from pathlib import Path

from tinykit.errors import DeviceError, ToolFailed, WrongBoard
from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, no_device

_ENTER = "Hold the boot button (or set BOOT0), reset the board, and try again"
_LEFT = 74
"""What dfu-util returns when the board leaves the boot loader before it answers: wanted, once the work is proved."""


def _require_loader(job: Job) -> Step:
    """Finds exactly one boot loader with the board's USB id and the board's flash memory."""
    wanted = job.required("id").lower()

    def check(output: str) -> None:
        found = re.findall(r'Found DFU: \[([0-9a-f]{4}:[0-9a-f]{4})\].*?alt=0, name="([^"]*)"', output)
        fitting = [name for usb_id, name in found if usb_id == wanted]
        if not found:
            raise DeviceError(
                f"no board is in its USB boot loader; dfu could not flash {job.board.name}",
                expected=f"USB id {wanted}",
                next_step=_ENTER,
                page="flash-no-device",
            )
        if len(fitting) != 1 or not _covers(fitting[0], job.board.flash.origin):
            raise WrongBoard(
                "more than one boot loader answers" if len(fitting) > 1 else "another board's boot loader answers",
                expected=f"one {wanted} with flash at {job.address}",
                found=", ".join(f"{usb_id} {name!r}" for usb_id, name in found),
                next_step="Plug in only the board that is to be written",
                page="flash-wrong-board",
            )

    return Step("looking for the boot loader", ("-l",), check=check)


def _covers(name: str, origin: int) -> bool:
    """Whether a DfuSe name such as "@Internal Flash  /0x08000000/04*016Kg" has a memory that starts at `origin`."""
    return origin in (int(text, 16) for text in re.findall(r"/(0x[0-9A-Fa-f]+)/", name))


def _steps(job: Job) -> list[Step]:
    """Write, read all of it back, and let the board start."""
    data = job.firmware.binary.read_bytes()
    back = job.folder / "read-back.bin"
    device = ("-d", job.required("id"), "-a", "0")

    def compare(output: str) -> None:
        _require_equal(back, data)

    write = (*device, "-s", job.address, "-D", str(job.firmware.binary.resolve()))
    read = (*device, "-s", f"{job.address}:{len(data)}:leave", "-U", str(back))
    return [
        _require_loader(job),
        Step("writing", write, proof="File downloaded successfully"),
        Step("verifying", read, proof=r"Upload done", check=compare, statuses=(0, _LEFT)),
    ]


def _require_equal(back: Path, data: bytes) -> None:
    if back.read_bytes()[: len(data)] != data:
        raise ToolFailed(
            "the board does not hold what was written to it",
            next_step="Run the same command again; if it repeats, the flash memory is worn or protected",
            page="flash-failed",
        )


DFU = ToolFlasher(
    method="dfu",
    programs=("dfu-util",),
    install="sudo apt install dfu-util",
    steps=_steps,
    failures=(
        Failure(r"status is errVENDOR|errWRITE|errPROG", "its flash refused the write", "Remove the read protection"),
        no_device("no board is in its USB boot loader", _ENTER, r"No DFU capable USB device"),
    ),
)
