"""Reading 32-bit little-endian ELF files and `ar` archives: sections, symbols, and which section refers to what.

After the System V ABI, chapters 4 and 5, and ar(5).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property

from tinykit.errors import ToolFailed

ALLOCATED = 0x2  # SHF_ALLOC
NO_BITS = 8  # SHT_NOBITS
_SYMBOL_TABLE = 2  # SHT_SYMTAB
_RELOCATIONS = {4: 12, 9: 8}  # SHT_RELA, SHT_REL: bytes an entry
_LOCAL, _WEAK = 0, 2  # STB_LOCAL, STB_WEAK
_HEADER_BYTES = 52


@dataclass(frozen=True)
class Section:
    """A section: `kind`, `flags`, `link` and `info` as in its ELF header, `size` in bytes."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int


@dataclass(frozen=True)
class Symbol:
    """A symbol: `section` the index of where it is defined, 0 where it is not; `size` in bytes."""

    name: str
    value: int
    size: int
    section: int
    is_local: bool
    is_weak: bool


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("utf-8", "replace")


class Elf:
    """An object file or a linked program.

    Raises: ToolFailed when the bytes are no such file.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if len(data) < _HEADER_BYTES or data[:6] != b"\x7fELF\x01\x01":
            raise ToolFailed(f"{name} is no 32-bit little-endian ELF file", next_step="Build the firmware again")
        self._data = data
        try:
            self.sections = self._read_sections()
            self.symbols = self._read_symbols()
        except (struct.error, ValueError, IndexError) as error:
            raise ToolFailed(f"{name} is damaged", found=error, next_step="Build the firmware again") from error

    def _read_sections(self) -> tuple[Section, ...]:
        start, entry, count, names = struct.unpack_from("<I10xHHH", self._data, 32)
        raw = [struct.unpack_from("<10I", self._data, start + i * entry) for i in range(count)]
        strings = raw[names][4]
        return tuple(Section(_text(self._data, strings + r[0]), r[1], r[2], r[3], r[4], r[5], r[6], r[7]) for r in raw)

    def _read_symbols(self) -> tuple[Symbol, ...]:
        found = []
        for section in self.sections:
            if section.kind != _SYMBOL_TABLE:
                continue
            strings = self.sections[section.link].offset
            for at in range(section.offset, section.offset + section.size, 16):
                name, value, size, info, _, where = struct.unpack_from("<IIIBBH", self._data, at)
                bind = info >> 4
                found.append(
                    Symbol(_text(self._data, strings + name), value, size, where, bind == _LOCAL, bind == _WEAK)
                )
        return tuple(found)

    @cached_property
    def references(self) -> dict[str, tuple[Symbol, ...]]:
        """The symbols that each section's relocations name, by section name."""
        found: dict[str, list[Symbol]] = {}
        for section in self.sections:
            if section.kind not in _RELOCATIONS:
                continue
            named = found.setdefault(self.sections[section.info].name, [])
            for at in range(section.offset, section.offset + section.size, _RELOCATIONS[section.kind]):
                (info,) = struct.unpack_from("<I", self._data, at + 4)
                named.append(self.symbols[info >> 8])
        return {name: tuple(symbols) for name, symbols in found.items()}


def archive_members(data: bytes) -> dict[str, bytes]:
    """The files in an `ar` archive, by name (of several with one name the first)."""
    members: dict[str, bytes] = {}
    long_names = b""
    at = 8
    while at + 60 <= len(data):
        name = data[at : at + 16].decode("latin-1").rstrip()
        size = int(data[at + 48 : at + 58])
        content = data[at + 60 : at + 60 + size]
        if name == "//":
            long_names = content
        elif name not in ("/", "/SYM64/"):
            if name.startswith("/"):
                start = int(name[1:])
                name = long_names[start : long_names.index(b"\n", start)].decode("latin-1")
            members.setdefault(name.rstrip("/"), content)
        at += 60 + size + size % 2
    return members
