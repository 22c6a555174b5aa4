"""Firmware and boards for tests of flash tools that need no compiler."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from pathlib import Path

from tinykit.boards import Board, board


@dataclass(frozen=True)
class Built:
    """As much of a Firmware as flash tools look at."""

    elf: Path
    binary: Path
    hex: Path
    name: str = "tiny"
    model_sha256: str = "ab" * 32


def intel_hex(data: bytes) -> str:
    """Data records from address 0 on (below 64 KB) and the end record, after Intel's Hexadecimal Object File Format."""
    lines = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        body = bytes((len(part), at >> 8, at & 255, 0)) + part
        lines.append(f":{body.hex().upper()}{-sum(body) & 255:02X}")
    return "\n".join([*lines, ":00000001FF", ""])


def built(folder: Path, size: int = 3000, seed: int = 1) -> Built:
    """A program of random bytes, in three formats (the ELF is none)."""
    data = b"\xff\xcf" + random.Random(seed).randbytes(size - 2)  # an AVR that starts it stays at RJMP to itself
    made = Built(folder / "tiny.elf", folder / "tiny.bin", folder / "tiny.hex")
    made.elf.write_bytes(b"\x7fELF" + data)
    made.binary.write_bytes(data)
    made.hex.write_text(intel_hex(data))
    return made


def board_for(method: str, *, name: str = "stm32vldiscovery", **options: str) -> Board:
    """A board that is flashed by one method, with these options in its [flash.METHOD]."""
    return dataclasses.replace(board(name), flash_methods=(method,), flash_options={method: options}, emulator=None)
