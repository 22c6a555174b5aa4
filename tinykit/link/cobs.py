"""Consistent Overhead Byte Stuffing: any bytes become bytes without a zero, so that a zero can end a frame.

The algorithm is that of S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on
Networking 7(2), 1999. Overhead: one byte, and one more for every 254 bytes without a zero.
"""

from __future__ import annotations

LONGEST_RUN = 254
"""Data bytes that one code byte can announce."""


def encode(data: bytes) -> bytes:
    """`data` without any zero byte; the terminating zero of a frame is not part of it."""
    out = bytearray()
    runs = data.split(b"\0")
    for number, run in enumerate(runs):
        rest = run
        while len(rest) > LONGEST_RUN or (len(rest) == LONGEST_RUN and number < len(runs) - 1):
            out.append(0xFF)
            out += rest[:LONGEST_RUN]
            rest = rest[LONGEST_RUN:]
        out.append(len(rest) + 1)
        out += rest
    return bytes(out)


def decode(data: bytes) -> bytes:
    """The bytes that `encode` was given.

    Raises: ValueError where `data` holds a zero, is empty, or announces more bytes than it has.
    """
    if not data:
        raise ValueError("an empty COBS block")
    out = bytearray()
    position = 0
    while position < len(data):
        code = data[position]
        run = data[position + 1 : position + code]
        if code == 0 or 0 in run:
            raise ValueError("a zero byte inside a COBS block")
        if len(run) != code - 1:
            raise ValueError("a COBS block that ends early")
        out += run
        position += code
        if code != LONGEST_RUN + 1 and position < len(data):
            out.append(0)
    return bytes(out)
