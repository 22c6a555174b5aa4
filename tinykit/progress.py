"""Progress on stderr: a live line in a terminal, sparse plain lines in a log, silence with --json or --quiet."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO


class Progress:
    """One task with a known number of steps.

    Use as a context manager; call `advance` as work is done. In a terminal one line is redrawn at most ten times a
    second; elsewhere a line is printed every tenth part.
    """

    def __init__(self, title: str, total: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.title = title
        self.total = max(total, 1)
        self.done = 0
        self.note = ""
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._live = self._stream.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._tenth = -1

    def __enter__(self) -> Progress:
        self._draw(force=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.done = self.total
        self._draw(force=True)
        if self._live and not self._quiet:
            self._stream.write("\n")
            self._stream.flush()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count `steps` more as done; `note` (short) is shown behind the bar."""
        self.done += steps
        self.note = note or self.note
        self._draw()

    def _draw(self, force: bool = False) -> None:
        if self._quiet:
            return
        part = min(1.0, self.done / self.total)
        now = time.monotonic()
        if self._live:
            if not force and now - self._drawn < 0.1:
                return
            self._drawn = now
            filled = int(part * 24)
            width = shutil.get_terminal_size((119, 24)).columns - 1  # a line that wraps could not be drawn over
            bar = f"[{'#' * filled}{'-' * (24 - filled)}] " if width >= 79 else ""
            line = f"{self.title} {bar}{part:4.0%} {now - self._started:5.1f} s {self.note}"
            self._stream.write(f"\r\033[K{line[:width]}")
        else:
            tenth = int(part * 10)
            if tenth == self._tenth:
                return
            self._tenth = tenth
            self._stream.write(f"{self.title} {part:.0%} {self.note}".rstrip() + "\n")
        self._stream.flush()
