"""Which function holds a code address, by the toolchain's addr2line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def function_at(elf: Path, address: int, toolchain: str) -> str | None:
    """The function and line at `address`, such as "model_invoke (model.c:12)"; None where it cannot be told.

    `toolchain` is the prefix of the tools, such as "arm-none-eabi-". Bit 0 (Thumb) is ignored.
    """
    tool = shutil.which(f"{toolchain}addr2line")
    if tool is None:
        return None
    command = [tool, "-e", str(elf), "-f", "-s", hex(address & ~1)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = ran.stdout.splitlines()
    if ran.returncode or len(lines) < 2 or lines[0].startswith("?"):
        return None
    line = lines[1].partition(" (discriminator")[0]
    return lines[0] if line.startswith("?") else f"{lines[0]} ({line})"
