"""Labelled sensor data from a board's serial lines, into a data set that recipes read.

The board prints one line of numbers (its channels) at a steady rate. So many lines in a row are one sample, a window.
Whole windows are added to a CSV file as they come, so that nothing but the current one is lost when the cable is
pulled; the .npz that recipes read is made from it.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinykit.data.lines import LineReader, numbers_in
from tinykit.errors import DataError, DeviceError
from tinykit.files import write_atomic, write_error

if TYPE_CHECKING:
    from tinykit.link.port import Port

RATE_TOLERANCE = 0.1
"""How far a window's duration may be off, as a part of it: what two sample clocks and a busy host differ by."""

ARRIVAL_SECONDS = 0.05
"""How late a line may be told beside that: USB adapters and the port's reader pass bytes on in bunches."""

SILENCE_SECONDS = 5.0
"""No line of numbers for so long ends the capture."""

MOST_BAD = 5
"""So many windows in a row that are too fast, too slow or broken end it too."""


def _head(length: int) -> list[str]:
    """The first columns' names; they say how many lines a window has, so that another length is never mixed in."""
    return [f"window of {length}", "label", "session"]


@dataclass(frozen=True)
class Wanted:
    """What to record: windows of `length` lines with this `label`, `count` of them, at `rate` lines a second."""

    label: str
    length: int
    count: int
    rate: float


@dataclass(frozen=True)
class Captured:
    """What one run added: `windows`, how many were dropped for their rate or a broken line, lines that were no
    numbers, and the rate that was measured (lines a second)."""

    windows: int
    dropped: int
    other_lines: int
    rate: float


class Recording:
    """The CSV file of a data set: rows of window number, label, session and channels; a window's rows lie together.

    Attributes: `length` lines of a window, `channels` numbers of a line (0 while nothing is recorded), `labels` and
    `sessions` of the windows in order; `session`, that of the windows that are added now; `aside`, what the file that
    was there is called now, if it held no whole window.
    """

    def __init__(self, path: Path, length: int, session: str = "") -> None:
        """Open or start the file; without a name the session is the number that comes next.

        Raises: DataError where it holds windows of another length, or no recording.
        """
        self.path = path
        self.length = length
        self.labels, self.sessions, self._values = _read(path, length)
        self.aside = None if self.labels else _set_aside(path)
        self.channels = int(self._values.shape[2]) if len(self.labels) else 0
        self.session = session or str(1 + max((int(name) for name in self.sessions if name.isdecimal()), default=-1))

    def add(self, label: str, window: list[tuple[float, ...]]) -> None:
        """Add one whole window. Raises: DataError for another number of channels; DiskFull, OutputError."""
        channels = len(window[0])
        if self.channels and channels != self.channels:
            raise DataError(
                f"{self.path} has {self.channels} channels", expected=f"{self.channels} numbers a line", found=channels
            )
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if not self.labels:
            rows.writerow([*_head(self.length), *(f"ch{i}" for i in range(channels))])
        number = len(self.labels)
        rows.writerows([number, label, self.session, *(repr(v) for v in line)] for line in window)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a" if self.labels else "w", encoding="utf-8") as stream:
                stream.write(text.getvalue())
        except OSError as error:
            raise write_error(self.path, error) from error
        added = np.array(window, np.float32)[np.newaxis]
        self._values = np.concatenate([self._values, added]) if self.labels else added
        self.labels.append(label)
        self.sessions.append(self.session)
        self.channels = channels

    def export(self, path: Path) -> Path:
        """Write the .npz that recipes read.

        x float32 (windows, length, 1, channels), as images one wide; y int64; classes, the labels' names in order of y;
        session, words, in which each window was recorded, so that none need be in two splits.
        Raises: DiskFull, OutputError.
        """
        classes = self.classes
        y = np.array([classes.index(label) for label in self.labels], np.int64)
        data = io.BytesIO()
        sessions = np.array(self.sessions, np.str_)
        np.savez(data, x=self._values[:, :, np.newaxis], y=y, classes=np.array(classes), session=sessions)
        return write_atomic(path, data.getvalue())

    @property
    def classes(self) -> list[str]:
        """The labels, sorted."""
        return sorted(set(self.labels))

    @property
    def counts(self) -> dict[str, int]:
        """How many windows each label has."""
        found = Counter(self.labels)
        return {label: found[label] for label in self.classes}


def _read(path: Path, length: int) -> tuple[list[str], list[str], np.ndarray]:
    """Labels, sessions and values (windows, length, channels) of whole windows.

    A window that was cut off at the end of the file is removed from it, unless it is the only one.
    """
    empty = np.zeros((0, length, 0), np.float32)
    if not path.exists():
        return [], [], empty
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.strip()]
        rows = list(csv.reader(lines))
        if not rows:
            return [], [], empty
        head = _head(length)
        if rows[0][: len(head)] != head:
            raise ValueError(f"{','.join(rows[0][: len(head)])!r} at its top")
        columns, body = len(rows[0]), rows[1:]
        if body and (len(body[-1]) != columns or not lines[-1].endswith("\n")):
            body.pop()
        sizes = Counter(row[0] for row in body)
        last = body[-1][0] if body else ""
        whole = [row for row in body if row[0] != last or sizes[last] == length]
        if any(len(row) != columns for row in whole) or any(sizes[row[0]] != length for row in whole):
            raise ValueError(f"windows that are not of {length} lines")
        sessions = [row[2] for row in whole[::length]]
        values = np.array([[float(v) for v in row[len(head) :]] for row in whole], np.float32)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"cannot add to {path}",
            expected=f"a recording of windows of {length} lines",
            found=error,
            next_step="Give its --window, or another --output",
            page="bad-data",
        ) from error
    if not whole:
        return [], [], empty
    if len(whole) + 1 < len(lines):
        write_atomic(path, "".join(lines[: len(whole) + 1]))
    return [row[1] for row in whole[::length]], sessions, values.reshape(-1, length, columns - len(head))


def _set_aside(path: Path) -> Path | None:
    """Rename a file without a whole window, if it holds more than its first line, to a name ending in .bad.

    Raises: OutputError.
    """
    if not path.exists() or len(path.read_text(encoding="utf-8").strip().splitlines()) < 2:
        return None
    names = itertools.chain([f"{path.name}.bad"], (f"{path.name}.{number}.bad" for number in itertools.count(2)))
    aside = next(free for name in names if not (free := path.with_name(name)).exists())
    try:
        return path.rename(aside)
    except OSError as error:
        raise write_error(aside, error) from error


def capture(
    port: Port, recording: Recording, wanted: Wanted, *, heard: Callable[[int], None] = lambda windows: None
) -> Captured:
    """Record `wanted.count` windows from the lines that come over `port`.

    A window whose lines came too fast, too slow or with another line between is dropped. `heard` is told how many
    there are.
    Raises: DataError when windows are bad again and again; DeviceError where no numbers come; PortError; as
        `Recording.add`.
    """
    reader, run = LineReader(), _Run(wanted)
    last_numbers, other = port.clock(), ""
    while run.windows < wanted.count:
        lines = reader.feed(port.read(0.2))
        now = port.clock()
        for line in lines:
            if numbers_in(line) is None:
                other = line
            else:
                last_numbers, other = now, ""
        if now - last_numbers > SILENCE_SECONDS:
            raise DeviceError(
                f"no line of numbers came over {port.name} for {SILENCE_SECONDS:.0f} s",
                expected=f"about {wanted.rate:g} of them a second",
                found=f"lines such as {other[:40]!r}" if other else "silence",
                next_step="Check the baud rate and that the board prints its sensor; the windows so far are kept",
                page="device-silent",
            )
        for line in lines:
            window = run.take(line, now)
            if window is not None and run.windows < wanted.count:
                recording.add(wanted.label, window)
                run.windows += 1
                heard(run.windows)
    return Captured(run.windows, run.dropped, run.other_lines, run.rate)


class _Run:
    """Windows in the making."""

    def __init__(self, wanted: Wanted) -> None:
        self.windows = self.dropped = self.other_lines = 0
        self.rate = 0.0
        self._wanted = wanted
        self._bad_in_a_row = 0
        self._restart()

    def _restart(self) -> None:
        self._lines: list[tuple[float, ...]] = []
        self._started = 0.0
        self._steady_lines, self._steady_since = 0, 0.0

    def take(self, line: str, now: float) -> list[tuple[float, ...]] | None:
        """The window that `line`, heard at `now`, completes, if it is a good one. Raises: DataError."""
        values = numbers_in(line)
        if values is None or (self._lines and len(values) != len(self._lines[0])):
            self.other_lines += 1
            if self._lines:
                self._drop(f"a line that is not {len(self._lines[0])} numbers: {line[:40]!r}")
            return None
        if not self._lines:
            self._started = now
        if not self._steady_lines:
            self._steady_since = now
        self._lines.append(values)
        self._steady_lines += 1
        if len(self._lines) < self._wanted.length:
            return None
        window, self._lines = self._lines, []
        took = now - self._steady_since
        self.rate = (self._steady_lines - 1) / took if took > 0 else float("inf")
        if not self._is_steady(len(window), now - self._started) or not self._is_steady(self._steady_lines, took):
            self._drop(f"{self.rate:.1f} lines a second")
            return None
        self._bad_in_a_row = 0
        return window

    def _is_steady(self, lines: int, took: float) -> bool:
        """Whether so many lines may take so long; the longer the run, the less a late arrival matters."""
        right = (lines - 1) / self._wanted.rate
        return abs(took - right) <= RATE_TOLERANCE * right + ARRIVAL_SECONDS

    def _drop(self, why: str) -> None:
        self.dropped += 1
        self._bad_in_a_row += 1
        self._restart()
        if self._bad_in_a_row == MOST_BAD:
            raise DataError(
                f"{MOST_BAD} windows in a row could not be used; the good ones are kept",
                expected=f"{self._wanted.rate:g} lines of numbers a second, as --rate says",
                found=why,
                next_step="Give the board's real --rate, and let it print nothing but its values",
                page="bad-data",
            )
