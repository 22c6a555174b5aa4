"""Lines of numbers, as boards print their sensors' values: split by commas, semicolons or blanks."""

from __future__ import annotations

import math
import re

_BETWEEN = re.compile(r"[,;\s]+")


def numbers_in(line: str) -> tuple[float, ...] | None:
    """The numbers that a line consists of; None for any other line, an empty one, or one with NaN or infinity."""
    words = [word for word in _BETWEEN.split(line.strip()) if word]
    try:
        values = tuple(float(word) for word in words if "_" not in word)
    except ValueError:
        return None
    return values if values and len(values) == len(words) and all(map(math.isfinite, values)) else None


class LineReader:
    """Takes bytes as they come and gives the whole lines in them; the first, which may have begun before, is dropped.

    A line longer than `longest` bytes is dropped.
    """

    def __init__(self, longest: int = 4096) -> None:
        self._rest = b""
        self._longest = longest
        self._skipping = True

    def feed(self, data: bytes) -> list[str]:
        """The lines completed by `data`, without their ends. Takes any bytes."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        lines = []
        for line in complete:
            if not self._skipping:
                lines.append(line.decode("utf-8", "replace").strip("\r"))
            self._skipping = False
        if len(self._rest) > self._longest:
            self._rest, self._skipping = b"", True
        return lines
