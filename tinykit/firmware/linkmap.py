"""Reading the map that GNU ld writes: which piece of which object file went into the program, and how large it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

_START = "Linker script and memory map"
_OUTPUT = re.compile(r"^(\.[\w.]+)(?:\s|$)")
_INPUT = re.compile(r"^ (\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (.+)$")
_MEMBER = re.compile(r"^(.*\.a)\(([^()]+)\)$")


@dataclass(frozen=True)
class Piece:
    """An input section that was linked.

    Attributes: `output` the section it went to, `section` its own name, `size` in bytes, `file` the object file or
    archive as the linker was given it, `member` the archive's member or "".
    """

    output: str
    section: str
    size: int
    file: str
    member: str


def read_map(text: str) -> tuple[Piece, ...]:
    """The pieces in a link map, without those of size 0."""
    pieces = []
    output, split_name = "", ""
    for line in text[text.find(_START) :].splitlines():
        start = _OUTPUT.match(line)
        if start:
            output = start.group(1)
        elif re.fullmatch(r" \.\S+", line):
            split_name = line  # a long name stands alone; the rest follows on the next line
            continue
        found = _INPUT.match(split_name + line if split_name else line)
        split_name = ""
        if found is None or found.group(1).startswith("*"):
            continue
        size = int(found.group(3), 16)
        if size:
            member = _MEMBER.match(found.group(4))
            file, inner = member.groups() if member else (found.group(4), "")
            pieces.append(Piece(output, found.group(1), size, file, inner))
    return tuple(pieces)
