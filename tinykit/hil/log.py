"""A port that remembers what passed: shown with every test that fails."""

from __future__ import annotations

from collections import deque

from tinykit.link.frames import RESPONSE, Decoder, Frame, Kind
from tinykit.link.port import Port

LINES = 400
"""The last frames that are kept."""

_SHOWN = 24


class LoggedPort:
    """A `link.port.Port` before another one, with a log of the frames in either direction."""

    def __init__(self, port: Port) -> None:
        self.name = port.name
        self._port = port
        self._start = port.clock()
        self._lines: deque[str] = deque(maxlen=LINES)
        self._decoders = {">": Decoder(), "<": Decoder()}
        self._dropped = 0

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises: PortError when the port is gone."""
        self._note(">", data)
        self._port.write(data)

    def read(self, timeout: float) -> bytes:
        """The bytes that are there, waiting at most `timeout` seconds for the first. Raises: PortError."""
        data = self._port.read(timeout)
        self._note("<", data)
        return data

    def clock(self) -> float:
        """Seconds on the clock that `read`'s timeouts run on."""
        return self._port.clock()

    def close(self) -> None:
        """Give the port up."""
        self._port.close()

    def clear(self) -> None:
        """Forget what passed."""
        self._lines.clear()

    @property
    def text(self) -> str:
        """What passed, one line a frame: seconds, direction, type, sequence number, payload."""
        return "\n".join(self._lines)

    def _note(self, direction: str, data: bytes) -> None:
        decoder = self._decoders[direction]
        dropped = decoder.dropped
        for frame in decoder.feed(data):
            self._add(direction, _words(frame))
        if decoder.dropped > dropped:
            self._add(direction, f"{decoder.dropped - dropped} damaged frames in {len(data)} bytes")

    def _add(self, direction: str, words: str) -> None:
        self._lines.append(f"{self._port.clock() - self._start:9.3f} {direction} {words}")


def _words(frame: Frame) -> str:
    events = (Kind.ERROR, Kind.FAULT, Kind.BOOT)
    number = frame.type if frame.type in events else frame.type & ~RESPONSE
    name = Kind(number).name if number in set(Kind) else f"type 0x{frame.type:02x}"
    answer = " answer" if frame.type & RESPONSE and frame.type not in events else ""
    shown = frame.payload[:_SHOWN].hex(" ")
    more = f" ... {len(frame.payload)} bytes" if len(frame.payload) > _SHOWN else ""
    return f"{name}{answer} #{frame.seq} {shown}{more}".rstrip()
