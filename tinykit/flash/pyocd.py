"""pyOCD: CMSIS-DAP, ST-LINK and J-Link probes, chips from CMSIS packs."""

from __future__ import annotations

import shlex

from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, no_device, not_verified, wrong_board


def _steps(job: Job) -> list[Step]:
    """`--no-wait`: pyOCD waits for ever where no probe is plugged in. Its load does not read back, so compare."""
    session = ("--no-wait", "-t", job.required("target"))
    compare = f"compare {job.address} {shlex.quote(str(job.firmware.binary.resolve()))}"
    program = ("load", *session, "--format", "elf", str(job.firmware.elf.resolve()))
    verify = ("commander", *session, "-c", compare)
    return [
        Step("writing", program),
        Step("verifying", verify, proof=r"All \d+ bytes match"),
        Step("starting", ("reset", *session)),
    ]


PYOCD = ToolFlasher(
    method="pyocd",
    programs=("pyocd",),
    install="pip install pyocd",
    steps=_steps,
    failures=(
        wrong_board(r"Board ID .* is not recognized as|unexpected (IDCODE|CPUID|part)"),
        Failure(
            r"Target type \S+ not recognized|unknown target",
            "pyOCD does not know the chip yet",
            "Install its pack: pyocd pack install TARGET",
        ),
        not_verified("Mismatched byte"),
        Failure(r"locked|APPROTECT", "the chip is locked", "Unlock it, which erases it: pyocd erase --mass -t TARGET"),
        no_device(
            "no debug probe was found",
            "Plug the board in with a cable that carries data",
            r"No connected debug probes|No target device available|No available debug probes",
        ),
    ),
)
