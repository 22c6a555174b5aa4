"""What comes over a port, for people: lines of text as they are, frames of the protocol in words, scores as bars."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tinykit.data.lines import numbers_in
from tinykit.errors import DeviceError, WrongFirmware
from tinykit.link.client import CAUSES, REFUSALS
from tinykit.link.frames import MAX_ENCODED, RESPONSE, Frame, Kind, decode_block
from tinykit.link.hello import Hello

_LONGEST = 4096
_LINE_FEED = 0x0A
_SEPARATORS = b"\n\r \t:"
_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0D, 0x1B} | frozenset(range(0x80, 0x100))
_BAR = "█"
_SPARKS = "▁▂▃▄▅▆▇█"
_HISTORY = 24


class Splitter:
    """Takes bytes as they come and gives what is in them: frames, and lines of text between them.

    A line ends with a line feed and holds nothing but text; blank ones are left out. A frame may look like text up to
    its zero byte: then its beginning was shown as such, but it is still found. `dropped` counts pieces that were
    neither.
    """

    def __init__(self) -> None:
        self._recent = bytearray()  # since the last zero, as much as a frame can be
        self._line = bytearray()
        self.dropped = 0

    def feed(self, data: bytes) -> list[str | Frame]:
        """Frames and lines completed by `data`, in order. Takes any bytes."""
        found: list[str | Frame] = []
        for byte in data:
            if byte == 0:
                found += self._at_zero()
                continue
            self._recent.append(byte)
            del self._recent[: -MAX_ENCODED - 1]
            if byte != _LINE_FEED:
                self._line.append(byte)
            elif self._line and _TEXT.issuperset(self._line):
                found.append(_clean(bytes(self._line)))
                self._line.clear()
            elif self._line:
                self._line.append(byte)
            if len(self._line) > _LONGEST:
                self._line.clear()
                self.dropped += 1
        return found

    def _at_zero(self) -> list[str | Frame]:
        """The frame that ends here, and text that ran into it where a program printed some without a line's end."""
        recent, line = bytes(self._recent), bytes(self._line)
        self._recent.clear()
        self._line.clear()
        starts = (0, *(i + 1 for i, byte in enumerate(recent) if byte in _SEPARATORS))
        for at in starts:
            frame = decode_block(recent[at:])
            if frame is not None:
                before = line[: max(0, len(line) - (len(recent) - at))].strip()
                return [_clean(before), frame] if before and _TEXT.issuperset(before) else [frame]
        self.dropped += bool(line)
        return []


def _clean(text: bytes) -> str:
    """Text that cannot steer the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else " " for c in text.decode("utf-8", "replace").rstrip("\r"))


def describe(frame: Frame, name_of: Callable[[int], str | None] = lambda pc: None) -> str:
    """A frame in words; `name_of` says which function holds a code address."""
    if frame.type == Kind.BOOT:
        return "BOOT: the device started"
    if frame.type == Kind.FAULT and len(frame.payload) == 17:
        cause, pc, lr, status, address = struct.unpack("<BIIII", frame.payload)
        function = name_of(pc)
        where = f"0x{pc:08x}" + (f" in {function}" if function else "")
        return (
            f"FAULT: {CAUSES.get(cause, f'cause {cause}')} at PC {where}, LR 0x{lr:08x}, status 0x{status:08x}, "
            f"fault address 0x{address:08x}"
        )
    if frame.type == Kind.ERROR and len(frame.payload) == 2:
        code, kind = frame.payload
        return f"ERROR: {_name(kind)} refused, {REFUSALS.get(code, f'error {code}')}"
    if frame.type == Kind.HELLO | RESPONSE:
        return _hello(frame.payload)
    if frame.type in (Kind.INVOKE | RESPONSE, Kind.STEP | RESPONSE) and len(frame.payload) == 8:
        return f"{_name(frame.type & 0x7F)} answered: {struct.unpack('<Q', frame.payload)[0]} ticks"
    is_answer = bool(frame.type & RESPONSE)
    said = frame.payload[:16].hex(" ") + (" ..." if len(frame.payload) > 16 else "")
    name = f"{_name(frame.type & 0x7F)} answered" if is_answer else _name(frame.type)
    return f"{name}: {len(frame.payload)} bytes" + (f", {said}" if said else "")


def _name(kind: int) -> str:
    return Kind(kind).name if kind in set(Kind) else f"type 0x{kind:02x}"


def _hello(payload: bytes) -> str:
    try:
        hello = Hello.parse(payload)
    except (DeviceError, WrongFirmware) as error:
        return f"HELLO answered: {error.what}"
    return f"HELLO answered: {hello.model} ({hello.engine}) on {hello.board}, SHA-256 {hello.sha256[:16]}..."


@dataclass
class Plot:
    """Scores as bars that are drawn again in place, each with its own past.

    Attributes: `labels` names of the scores (numbers where there are none), `width` columns of the terminal.
    """

    labels: Sequence[str] = ()
    width: int = 80
    _past: list[list[float]] = field(default_factory=list)
    _drawn: int = 0

    def take(self, line: str) -> str | None:
        """The plot for a line of numbers, ready to be written; None for any other line."""
        values = numbers_in(line)
        return None if values is None else self.draw(values)

    def draw(self, values: Sequence[float]) -> str:
        """The plot of `values`; drawn over the one before, where nothing was printed since (see `interrupted`)."""
        if len(values) != len(self._past):
            self._past = [[] for _ in values]
            self._drawn = 0
        for past, value in zip(self._past, values, strict=True):
            past.append(value)
            del past[:-_HISTORY]
        low = min(0.0, *(min(past) for past in self._past))
        high = max(max(past) for past in self._past)
        best = max(range(len(values)), key=lambda i: values[i])
        lines = [self._line(i, value, low, high, i == best) for i, value in enumerate(values)]
        back = f"\033[{self._drawn}A" if self._drawn else ""
        self._drawn = len(lines)
        return back + "".join(f"\033[2K{line}\n" for line in lines)

    def interrupted(self) -> None:
        """Something else was printed: the next plot starts below it."""
        self._drawn = 0

    def _line(self, index: int, value: float, low: float, high: float, is_best: bool) -> str:
        name = self.labels[index] if index < len(self.labels) else str(index)
        room = max(4, self.width - 16 - 12 - _HISTORY - 6)
        span = high - low or 1.0
        bar = _BAR * round((value - low) / span * room)
        past = "".join(_SPARKS[min(7, int((v - low) / span * 8))] for v in self._past[index])
        return f"{'>' if is_best else ' '} {name[:15]:<15} {bar:<{room}} {value:>10.4g} {past}"
