"""The serial boot loader in the ROM of Espressif's chips, after esptool's documentation, "Serial Protocol"."""

from __future__ import annotations

import hashlib
import struct

from tests.flash.loader import Line

FLASH_BEGIN, FLASH_DATA, FLASH_END, SYNC, WRITE_REG, READ_REG = 0x02, 0x03, 0x04, 0x08, 0x09, 0x0A
FLASH_MD5, SECURITY_INFO = 0x13, 0x14
END, ESCAPE = 0xC0, 0xDB

ESP32C3, ESP32S3 = 5, 9
"""Chip ids, as in the header of a program image."""


class EspLoader:
    """A chip with this id and 64 KB of erased flash. `bad_byte`: the place of one that cannot be written, or None."""

    def __init__(self, chip_id: int, bad_byte: int | None = None) -> None:
        self.chip_id = chip_id
        self.bad_byte = bad_byte
        self.flash = bytearray(b"\xff" * 65536)
        self._base = 0
        self._block = 0

    def serve(self, line: Line) -> None:
        """See `Loader`."""
        while True:
            packet = self._packet(line)
            _, operation, size, _ = struct.unpack_from("<BBHI", packet)
            value, data = self._answer(operation, packet[8 : 8 + size])
            answer = struct.pack("<BBHI", 1, operation, len(data) + 4, value) + data + bytes(4)
            escaped = answer.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
            for _ in range(8 if operation == SYNC else 1):  # the ROM answers SYNC eight times
                line.send(bytes((END,)) + escaped + bytes((END,)))

    @staticmethod
    def _packet(line: Line) -> bytes:
        data = bytearray()
        while True:
            (byte,) = line.take(1)
            if byte == END:
                if len(data) >= 8:
                    return bytes(data)
                data.clear()
            elif byte == ESCAPE:
                data.append({0xDC: END, 0xDD: ESCAPE}[line.take(1)[0]])
            else:
                data.append(byte)

    def _answer(self, operation: int, data: bytes) -> tuple[int, bytes]:
        if operation == FLASH_BEGIN:
            size, _, self._block, self._base = struct.unpack_from("<IIII", data)
            self.flash[self._base : self._base + size] = b"\xff" * size
        elif operation == FLASH_DATA:
            size, number = struct.unpack_from("<II", data)
            at = self._base + number * self._block
            self.flash[at : at + size] = data[16 : 16 + size]
            if self.bad_byte is not None:
                self.flash[self.bad_byte] = 0xFF
        elif operation == FLASH_MD5:
            address, size = struct.unpack_from("<II", data)
            return 0, hashlib.md5(self.flash[address : address + size]).hexdigest().encode()
        elif operation == SECURITY_INFO:
            return 0, struct.pack("<IB7sII", 0, 0, bytes(7), self.chip_id, 0)
        return 0, b""
