"""OpenOCD: most debug probes and most chips."""

from __future__ import annotations

from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, no_device, not_verified, wrong_board


def _steps(job: Job) -> list[Step]:
    """The `program` command of OpenOCD's manual; its servers are off, so that one already running is no hindrance."""
    configuration = [word for name in job.required("config").split() for word in ("-f", name)]
    servers = "gdb_port disabled; tcl_port disabled; telnet_port disabled"
    program = f"program {{{job.firmware.elf.resolve()}}} verify reset exit"
    return [
        Step("writing and verifying", (*configuration, "-c", servers, "-c", program), proof=r"\*\* Verified OK \*\*")
    ]


OPENOCD = ToolFlasher(
    method="openocd",
    programs=("openocd",),
    install="sudo apt install openocd",
    steps=_steps,
    failures=(
        wrong_board(r"UNEXPECTED idcode|Cannot identify target|auto_probe failed|Unexpected OTP|unknown device id"),
        not_verified(r"Verify Failed|checksum mismatch|contents differ"),
        Failure(
            r"Can't find (\S+\.cfg)|couldn't read file",
            "OpenOCD has no such configuration",
            "Correct `config` in the board's [flash.openocd], or install a newer OpenOCD",
        ),
        Failure(
            r"unable to connect to the target|Error connecting DP|cannot read IDR|timed out while waiting for target",
            "the debug probe does not reach the chip",
            "Check the debug cable and the board's power; hold its reset button and try again",
        ),
        Failure(
            r"flash write failed|error writing to flash|protected", "its flash refused the write", "Unlock the chip"
        ),
        no_device(
            "no debug probe was found",
            "Plug the board in with a cable that carries data",
            r"unable to find a matching|Error: open failed|no device found|unable to open \S+ device|init mode failed",
        ),
    ),
)
