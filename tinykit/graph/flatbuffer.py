"""A reader of flatbuffers that trusts nothing: every offset, vtable and length is checked before it is used.

The layout (https://flatbuffers.dev/internals/): all little endian; the file starts with an offset to the root table
and a four-byte identifier; a table starts with the distance back to its vtable; a vtable holds its own size, the
table's size and one 16-bit offset a field, 0 where the field has its default; vectors and strings are an
offset to a 32-bit count followed by the elements.

Nothing is copied or allocated by a length that the file claims: vectors are views of the file. What a hostile file
could still do is to name one long vector from thousands of tables, so `Source` keeps a budget of what it hands out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from tinykit.errors import ModelError

REUSE = 8
"""How often, on average, each byte of the file may be read as part of some vector; sound files stay below 2."""


@dataclass(eq=False)
class Source:
    """A flatbuffer file's bytes, read with bounds checks.

    Attributes: `data` the whole file, `identifier` its expected four bytes, `budget` bytes of vectors still to be
    handed out.
    """

    data: bytes
    identifier: bytes
    budget: int = field(init=False)

    def __post_init__(self) -> None:
        self.budget = REUSE * len(self.data) + (1 << 16)

    def root(self) -> Table:
        """The root table.

        Raises: ModelError where the identifier or the root's offset is wrong.
        """
        found = self.data[4:8]
        if len(self.data) < 8 or found != self.identifier:
            raise ModelError(
                "this is no model of the expected kind",
                expected=f"{self.identifier.decode('ascii')!r} at byte 4",
                found=repr(found),
            )
        return Table(self, self.scalar("<I", 0))

    def scalar(self, code: str, position: int) -> int | float:
        """One number at `position`; `code` as in `struct`."""
        try:
            return struct.unpack_from(code, self.data, position)[0] if position >= 0 else self._outside(position)
        except struct.error:
            return self._outside(position)

    def unsigned(self, position: int) -> int:
        """A 32-bit unsigned number: an offset or a count."""
        return int(self.scalar("<I", position))

    def span(self, position: int, width: int) -> tuple[int, int]:
        """Start and count of the vector at `position`, whose elements are `width` bytes; counts against the budget."""
        count = self.unsigned(position)
        start = position + 4
        if count * width > len(self.data) - start:
            self._outside(start + count * width)
        self.budget -= count * width
        if self.budget < 0:
            raise ModelError("the file is corrupt: the same bytes are used over and over", next_step=REPAIR)
        return start, count

    def _outside(self, position: int) -> int:
        raise ModelError(
            "the file is truncated or corrupt: it points outside itself",
            expected=f"at most {len(self.data)} bytes",
            found=f"an offset to byte {position}",
            next_step=REPAIR,
        )


REPAIR = "Copy or convert the model again"


class Table:
    """One table: fields by their position in the schema."""

    def __init__(self, source: Source, position: int | float) -> None:
        self.source = source
        self.position = int(position)
        vtable = self.position - int(source.scalar("<i", self.position))
        size = int(source.scalar("<H", vtable))
        if size < 4 or size % 2 or vtable + size > len(source.data):
            source._outside(vtable + size)
        self._vtable = vtable
        self._fields = (size - 4) // 2

    def has(self, position: int) -> bool:
        """Whether the field is present."""
        return self._at(position) != 0

    def integer(self, position: int, code: str, default: int = 0) -> int:
        """A number field; `code` as in `struct` without byte order: b B h H i I q Q."""
        at = self._at(position)
        return int(self.source.scalar("<" + code, at)) if at else default

    def real(self, position: int, default: float = 0.0) -> float:
        """A float32 field."""
        at = self._at(position)
        return float(self.source.scalar("<f", at)) if at else default

    def flag(self, position: int, default: bool = False) -> bool:
        """A bool field."""
        return bool(self.integer(position, "B", int(default)))

    def table(self, position: int) -> Table | None:
        """A table field, or None."""
        at = self._at(position)
        return Table(self.source, self._follow(at)) if at else None

    def tables(self, position: int) -> Tables:
        """A vector of tables; empty where absent. Tables are read when asked for."""
        at = self._at(position)
        return Tables(self.source, *(self.source.span(self._follow(at), 4) if at else (0, 0)))

    def numbers(self, position: int, dtype: str) -> np.ndarray:
        """A vector of numbers as a read-only view of shape (count,); empty where absent. `dtype` as "<i4"."""
        at = self._at(position)
        if not at:
            return np.empty(0, dtype)
        start, count = self.source.span(self._follow(at), np.dtype(dtype).itemsize)
        return np.frombuffer(self.source.data, dtype, count, start) if count else np.empty(0, dtype)

    def text(self, position: int, limit: int = 4096) -> str:
        """A string field as text, at most `limit` bytes of it; what is no UTF-8 or not printable becomes U+FFFD."""
        at = self._at(position)
        if not at:
            return ""
        start, count = self.source.span(self._follow(at), 1)
        text = self.source.data[start : start + min(count, limit)].decode("utf-8", "replace")
        return "".join(c if c.isprintable() else "\ufffd" for c in text)

    def _at(self, position: int) -> int:
        """Where the field's value is; 0 where it has its default."""
        if position >= self._fields:
            return 0
        offset = int(self.source.scalar("<H", self._vtable + 4 + 2 * position))
        return self.position + offset if offset else 0

    def _follow(self, at: int) -> int:
        return at + self.source.unsigned(at)


class Tables:
    """A vector of tables, checked one by one as they are read."""

    def __init__(self, source: Source, start: int, count: int) -> None:
        self._source = source
        self._start = start
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Table:
        if not 0 <= index < self._count:
            raise IndexError(index)
        at = self._start + 4 * index
        return Table(self._source, at + self._source.unsigned(at))


def empty_table() -> Table:
    """A table in which every field has its default."""
    return Table(Source(struct.pack("<iHH", -4, 4, 4), b"none"), 0)
