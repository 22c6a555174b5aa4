"""Byte streams to a device: serial devices, pseudo terminals, socket:// and rfc2217:// addresses."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import serial

from tinykit.errors import PortError
from tinykit.link.holder import holder, lock_file_holder

BAUD = 115200
"""Baud rate of our firmware on every board; a pseudo terminal ignores it."""

SLICE_SECONDS = 0.05
"""The longest wait of one read: a new timeout for each read would set up the whole port again."""

if sys.platform == "win32":
    _FAILURES: tuple[type[Exception], ...] = (serial.SerialException, OSError, ValueError, TypeError)
else:
    import termios

    _FAILURES = (serial.SerialException, OSError, ValueError, TypeError, termios.error)


class Port(Protocol):
    """What the client needs of a byte stream."""

    name: str

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises: PortError when the port is gone."""

    def read(self, timeout: float) -> bytes:
        """The bytes that are there, waiting at most `timeout` seconds (about) for the first; it may wait less.

        Raises: PortError when the port is gone.
        """

    def clock(self) -> float:
        """Seconds on the clock that `read`'s timeouts run on."""

    def close(self) -> None:
        """Give the port up. Never raises."""


class SerialPort:
    """A pyserial port, locked for this process."""

    def __init__(self, address: str, baud: int = BAUD) -> None:
        """Open `address`. Raises: PortError that says missing, busy (and by whom) or not permitted."""
        self.name = address
        self._serial = _open(address, baud)

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises: PortError when the port is gone or takes nothing."""
        try:
            self._serial.write(data)
        except _FAILURES as error:
            raise _gone(self.name, error) from error

    def read(self, timeout: float) -> bytes:
        """The bytes that are there, waiting at most `timeout` seconds (about) for the first; it may wait less.

        Raises: PortError when the port is gone.
        """
        try:
            waiting = self._serial.in_waiting
            if waiting:
                return bytes(self._serial.read(waiting))
            if timeout <= 0:
                return b""
            first = bytes(self._serial.read(1))
            return first + bytes(self._serial.read(self._serial.in_waiting)) if first else b""
        except _FAILURES as error:
            raise _gone(self.name, error) from error

    def clock(self) -> float:
        """Seconds on the clock that `read`'s timeouts run on."""
        return time.monotonic()

    def close(self) -> None:
        """Give the port and its lock up."""
        with contextlib.suppress(*_FAILURES):
            self._serial.close()


def _open(address: str, baud: int) -> Any:
    is_url = "://" in address
    require_port(address)
    claimed = None if is_url or sys.platform == "win32" else lock_file_holder(address)
    if claimed:
        raise _busy(address, claimed)
    options: dict[str, Any] = {"baudrate": baud, "timeout": SLICE_SECONDS}
    if not address.startswith("rfc2217://"):  # which refuses to have one
        options["write_timeout"] = 10
    if not is_url:
        options["exclusive"] = True
    try:
        return serial.serial_for_url(address, **options)
    except _FAILURES as error:
        raise _why_not(address, error) from error


def require_port(address: str) -> None:
    """There is a serial device at `address`, as far as can be told without opening it; asked before long work begins.

    Raises: PortError that says missing.
    """
    if "://" in address or sys.platform == "win32":
        return
    path = Path(address)
    if not path.exists():
        raise PortError(
            f"there is no serial port {address}",
            found=", ".join(_candidates()) or "no serial port at all",
            next_step="Plug the board in, or give one of the ports found with --port",
            page="port-missing",
        )
    if not path.is_char_device():
        raise PortError(
            f"{address} is not a serial port",
            found="a folder" if path.is_dir() else "a file that is not a character device",
            next_step="Give a serial device such as /dev/ttyACM0 with --port",
            page="port-missing",
        )


def _candidates() -> list[str]:
    return sorted(str(p) for pattern in ("ttyACM*", "ttyUSB*", "cu.usb*") for p in Path("/dev").glob(pattern))


def _busy(address: str, who: str | None) -> PortError:
    return PortError(
        f"the serial port {address} is busy",
        found=f"{who or 'another program'} holding it",
        next_step="Close that program, then run the same command again",
        page="port-busy",
        facts={"port": address, "holder": who},
    )


def _why_not(address: str, error: Exception) -> PortError:
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
        return _busy(address, holder(address))
    if number in (errno.EACCES, errno.EPERM) or isinstance(error, PermissionError):
        return PortError(
            f"no permission to open the serial port {address}",
            next_step=permission_fix(address),
            page="port-permission",
        )
    return PortError(
        f"cannot open the serial port {address}",
        found=_sentence(error),
        next_step="Check the address and that the other end is listening"
        if "://" in address
        else "Unplug the board, plug it in again and check the port's name",
        page="port-missing",
    )


def permission_fix(address: str) -> str:
    """What opens the port `address` to its user; nobody is told to join the group root."""
    group = "dialout"
    with contextlib.suppress(OSError, KeyError, ImportError):
        group = Path(address).group()
    if group == "root":
        return f"It is root's alone: sudo chmod a+rw {address}, or install udev rules for it (docs/flashing.md)"
    return f"Add yourself to the port's group: sudo usermod -aG {group} $USER, then log in again"


def _sentence(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) else str(error)


def _gone(name: str, error: Exception) -> PortError:
    return PortError(
        f"the serial port {name} is gone",
        found=_sentence(error),
        next_step="Check the cable and the board's power, then run the same command again",
        page="port-gone",
    )
