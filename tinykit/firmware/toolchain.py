"""Finding and running compilers and their companions."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

from tinykit.errors import ToolFailed, ToolMissing
from tinykit.files import write_atomic, write_error
from tinykit.targets import Target

PACKAGES = {
    "arm-none-eabi-": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "riscv64-unknown-elf-": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "avr-": "gcc-avr avr-libc",
    "": "gcc",
}
"""What brings a toolchain, by its prefix, on Debian and Ubuntu."""
_FIRST_ERROR = re.compile(r"error:|undefined reference|fit in \d|overflowed by|cannot find|\*\*\* ")


def find_tool(name: str, packages: str) -> str:
    """The path of the program `name`.

    Raises: ToolMissing with the command that installs `packages`.
    """
    path = shutil.which(name)
    if path is None:
        raise ToolMissing(
            f"{name} is not installed",
            expected=f"{name} on PATH",
            next_step=f"Install it with `sudo apt install {packages}`",
            page="compiler-missing",
        )
    return path


def require_toolchain(target: Target) -> str:
    """The path of the target's C compiler, once everything that a build runs is there.

    Raises: ToolMissing.
    """
    packages = PACKAGES[target.toolchain]
    compiler = find_tool(f"{target.toolchain}gcc", packages)
    find_tool(f"{target.toolchain}objcopy", packages)
    find_tool("make", "make")
    return compiler


def run_tool(command: list[str], log: Path, timeout: float) -> str:
    """Run `command`, keep what it prints in the file `log`, and return that.

    Args: `timeout` in seconds.
    Raises: ToolFailed with the first line that reports an error; DiskFull; OutputError if the log cannot be written.
    """
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(
            f"{Path(command[0]).name} did not end within {timeout:.0f} s", found=" ".join(command)
        ) from error
    write_atomic(log, " ".join(command) + "\n" + done.stdout)
    if done.returncode != 0 and os.strerror(errno.ENOSPC) in done.stdout:
        raise write_error(log.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        first = next((line for line in lines if _FIRST_ERROR.search(line)), lines[-1] if lines else "no output")
        raise ToolFailed(
            f"{Path(command[0]).name} failed with status {done.returncode}: {first}",
            next_step=f"The whole output is in {log}",
            facts={"command": command, "status": done.returncode, "log": str(log)},
        )
    return done.stdout
