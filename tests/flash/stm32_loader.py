"""The UART boot loader in the ROM of ST's chips, after ST AN3155 (protocol) and AN2606 (ids)."""

from __future__ import annotations

import struct
from functools import reduce
from operator import xor

from tests.flash.loader import Line

ACK, NACK = b"\x79", b"\x1f"
GET, GET_VERSION, GET_ID, READ, GO, WRITE, EXTENDED_ERASE = 0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44
COMMANDS = bytes((GET, GET_VERSION, GET_ID, READ, GO, WRITE, EXTENDED_ERASE))
VERSION = 0x31


class Stm32Loader:
    """A chip with this device `id` and 64 KB of flash at 0x08000000.

    `bad_byte`: the place of one flash byte that cannot be written, or None. `started`: where GO sent it.
    """

    def __init__(self, device_id: int, bad_byte: int | None = None) -> None:
        self.device_id = device_id
        self.bad_byte = bad_byte
        self.flash = bytearray(b"\xff" * 65536)
        self.started: int | None = None

    def serve(self, line: Line) -> None:
        """See `Loader`."""
        while line.take(1) != b"\x7f":
            pass
        line.send(ACK)
        while True:
            command, inverse = line.take(2)
            if command ^ inverse != 0xFF or command not in COMMANDS:
                line.send(NACK)
                continue
            line.send(ACK)
            self._answer(line, command)

    def _answer(self, line: Line, command: int) -> None:
        if command == GET:
            line.send(bytes((len(COMMANDS), VERSION)) + COMMANDS + ACK)
        elif command == GET_VERSION:
            line.send(bytes((VERSION, 0, 0)) + ACK)
        elif command == GET_ID:
            line.send(b"\x01" + struct.pack(">H", self.device_id) + ACK)
        elif command == EXTENDED_ERASE:
            self._erase(line)
        else:
            (address,) = struct.unpack(">I", self._checked(line, 4))
            line.send(ACK)
            self._at(line, command, address)

    def _at(self, line: Line, command: int, address: int) -> None:
        place = address - 0x08000000
        if command == GO:
            self.started = address
        elif command == READ:
            count, inverse = line.take(2)
            assert count ^ inverse == 0xFF
            data = self.flash[place : place + count + 1] if 0 <= place < len(self.flash) else bytes(count + 1)
            line.send(ACK + bytes(data))
        else:
            (count,) = line.take(1)
            data = line.take(count + 1)
            (checksum,) = line.take(1)
            assert reduce(xor, data, count) == checksum
            self.flash[place : place + len(data)] = data
            if self.bad_byte is not None:
                self.flash[self.bad_byte] = 0xFF
            line.send(ACK)

    def _erase(self, line: Line) -> None:
        (count,) = struct.unpack(">H", head := line.take(2))
        pages = b"" if count >= 0xFFF0 else line.take(2 * (count + 1))
        (checksum,) = line.take(1)
        assert reduce(xor, head + pages, 0) == checksum
        if not pages:
            self.flash[:] = b"\xff" * len(self.flash)
        for (page,) in struct.iter_unpack(">H", pages):
            self.flash[page * 1024 : (page + 1) * 1024] = b"\xff" * 1024
        line.send(ACK)

    @staticmethod
    def _checked(line: Line, count: int) -> bytes:
        data = line.take(count + 1)
        assert reduce(xor, data, 0) == 0
        return data[:-1]
