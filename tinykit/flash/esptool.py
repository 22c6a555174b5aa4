"""esptool: Espressif's chips, through the boot loader in their ROM."""

from __future__ import annotations

from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, no_device, not_verified, wrong_board


def _steps(job: Job) -> list[Step]:
    """esptool refuses another chip and compares the MD5 of what it wrote by itself."""
    arguments = (
        *("--chip", job.required("chip"), "--port", job.serial_port, "--baud", job.option("baud", "460800")),
        *job.option("arguments").split(),
        *("write_flash", job.option("offset", "0x0"), str(job.firmware.binary.resolve())),
    )
    return [Step("writing and verifying", arguments, proof="Hash of data verified")]


ESPTOOL = ToolFlasher(
    method="esptool",
    programs=("esptool", "esptool.py"),
    install="pip install esptool",
    steps=_steps,
    failures=(
        wrong_board(r"This chip is (\S+),? not|wrong (--)?chip argument"),
        not_verified(r"MD5 of file does not match|hash.* mismatch"),
        no_device(
            "the chip's boot loader does not answer",
            "Hold BOOT, press reset, release BOOT, and try again; check that --port is this board's",
            r"Failed to connect|No serial data received|Wrong boot mode",
        ),
        Failure(r"doesn't fit|larger than|exceeds", "the program does not fit its flash", "Check the board's file"),
    ),
    serial=True,
    bytes_a_second=4000,
)
