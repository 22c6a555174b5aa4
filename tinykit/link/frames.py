"""Frames of the serial protocol: COBS(type, sequence, payload, CRC-32) and one zero byte. See docs/protocol.md."""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

from tinykit.link import cobs

MAX_PAYLOAD = 240
"""Bytes of payload in the largest frame: with type, sequence and CRC it stays one COBS run of 254 bytes."""

_OVERHEAD = 6
MAX_ENCODED = MAX_PAYLOAD + _OVERHEAD + 1

RESPONSE = 0x80
"""Set in a response's type; the other bits repeat the request's type."""


class Kind(enum.IntEnum):
    """Frame types. Responses are the request's type with `RESPONSE` set."""

    HELLO = 0x01
    WRITE = 0x02
    INVOKE = 0x03
    READ = 0x04
    STEP = 0x05
    PEEK = 0x06
    STACK = 0x07
    RESET = 0x08
    ECHO = 0x09
    RESET_STATE = 0x0A
    SAMPLES = 0x0B
    BOOT = 0xFD
    FAULT = 0xFE
    ERROR = 0xFF


@dataclass(frozen=True)
class Frame:
    """One message: `type` 0..255, `seq` 0..255 (0 for events), `payload` of at most MAX_PAYLOAD bytes."""

    type: int
    seq: int
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """The frame as it travels, ending zero included.

    Raises: ValueError for a payload over MAX_PAYLOAD.
    """
    if len(frame.payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(frame.payload)} bytes; at most {MAX_PAYLOAD} fit in a frame")
    body = bytes((frame.type, frame.seq)) + frame.payload
    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def decode_block(block: bytes) -> Frame | None:
    """The frame of one block between zeros, None where it is damaged."""
    try:
        raw = cobs.decode(block)
    except ValueError:
        return None
    if not _OVERHEAD <= len(raw) <= MAX_PAYLOAD + _OVERHEAD:
        return None
    body, checksum = raw[:-4], raw[-4:]
    if struct.pack("<I", zlib.crc32(body)) != checksum:
        return None
    return Frame(body[0], body[1], body[2:])


class Decoder:
    """Takes bytes as they come and gives the frames in them.

    Damaged, cut or overlong blocks are dropped and counted in `dropped`; the next zero byte starts afresh.
    """

    def __init__(self) -> None:
        self._block = bytearray()
        self._overlong = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by `data`, in order. Takes any bytes."""
        frames = []
        *complete, rest = data.split(b"\0")
        for part in complete:
            self._append(part)
            frame = self._finish()
            if frame is not None:
                frames.append(frame)
        self._append(rest)
        return frames

    def _append(self, part: bytes) -> None:
        if len(self._block) + len(part) > MAX_ENCODED:
            self._overlong = True
            self._block.clear()
        elif not self._overlong:
            self._block += part

    def _finish(self) -> Frame | None:
        block, overlong = bytes(self._block), self._overlong
        self._block.clear()
        self._overlong = False
        if not block and not overlong:
            return None
        frame = None if overlong else decode_block(block)
        self.dropped += frame is None
        return frame
