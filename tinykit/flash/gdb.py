"""GDB's `load` through any GDB server: OpenOCD, pyOCD, J-Link, Black Magic Probe, or an emulator."""

from __future__ import annotations

import re

from tinykit.errors import ToolFailed, WrongBoard
from tinykit.flash.tool import Failure, Job, Step, ToolFlasher, no_device, not_verified

CPUID = "0xe000ed00"
"""Address of the register that names the core, on every Cortex-M."""

PARTS = {
    "cortex-m0": (0xC20, 0xC60),
    "cortex-m0plus": (0xC60,),
    "cortex-m3": (0xC23,),
    "cortex-m4": (0xC24,),
    "cortex-m7": (0xC27,),
    "cortex-m33": (0xD21,),
    "cortex-m55": (0xD22,),
}
"""CPUID.PARTNO of each target, from the cores' Technical Reference Manuals; a Cortex-M0+ runs what an M0 runs."""


def _require_core(job: Job) -> Step:
    """Reads CPUID and refuses another core, before anything is written."""
    target = job.board.target.name

    def check(output: str) -> None:
        found = re.search(r"tinykit-cpuid (0x[0-9a-f]+)", output)
        part = int(found[1], 16) >> 4 & 0xFFF if found else None
        if part not in PARTS[target]:
            raise WrongBoard(
                f"another chip than {job.board.name}'s answers; nothing was written",
                expected=f"a {target}: CPUID part {' or '.join(f'{p:#x}' for p in PARTS[target])}",
                found="no CPUID" if part is None else f"part {part:#x}",
                next_step="Check --board and which board the GDB server is connected to",
                page="flash-wrong-board",
            )

    command = f'printf "tinykit-cpuid 0x%x\\n", *(unsigned int *){CPUID}'
    return Step("looking at the core", (*_connect(job), "-ex", command, "-ex", "disconnect"), check=check)


def _connect(job: Job) -> tuple[str, ...]:
    remote = job.option("remote", "localhost:3333")
    quiet = ("set confirm off", "set pagination off", "set remotetimeout 10", "set tcp connect-timeout 5")
    return ("-nx", "-batch", *(word for line in (*quiet, f"target remote {remote}") for word in ("-ex", line)))


def _steps(job: Job) -> list[Step]:
    restart = job.option("restart", "monitor reset run")
    commands = [word for line in ("load", "compare-sections", restart, "detach") for word in ("-ex", line)]
    arguments = (*_connect(job), *commands, str(job.firmware.elf.resolve()))
    write = Step("writing and verifying", arguments, proof=r"Start address 0x", check=_require_equal)
    return [_require_core(job), write] if job.board.target.name in PARTS else [write]


def _require_equal(output: str) -> None:
    """Every section that was loaded compares equal."""
    sections = re.findall(r"Section ([^,\s]+).*?: *(matched|MIS-MATCHED)", output)
    wrong = [name for name, verdict in sections if verdict != "matched"]
    if wrong or not sections:
        raise ToolFailed(
            "the board does not hold what was written to it",
            expected="every section to match",
            found=f"{', '.join(wrong)} differ" if wrong else "no section was compared",
            next_step="Run the same command again; if it repeats, the flash memory is worn or protected",
            page="flash-failed",
        )


GDB = ToolFlasher(
    method="gdb",
    programs=("gdb-multiarch", "arm-none-eabi-gdb", "gdb"),
    install="sudo apt install gdb-multiarch",
    steps=_steps,
    failures=(
        no_device(
            "no GDB server answers",
            "Start one (`openocd -f board/YOURS.cfg`, `pyocd gdbserver`), and name it with --set remote=HOST:PORT",
            r"Connection refused|could not connect|Connection timed out|No route to host|Remote connection closed",
        ),
        not_verified("MIS-MATCHED"),
        Failure("Load failed|Error finishing flash|Error erasing", "its memory refused the write", "Unlock the chip"),
    ),
)
