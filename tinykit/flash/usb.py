"""What is plugged in over USB, and which serial port is the board's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinykit.errors import DeviceError, UsageError, WrongBoard

if TYPE_CHECKING:
    from tinykit.boards import Board

BRIDGES = frozenset({"0403", "10c4", "1a86", "067b"})
"""USB vendors of plain serial adapters (FTDI, Silicon Labs, WCH, Prolific): any board may be behind one."""

_HUBS = "1d6b"
"""Vendor of the machine's own root hubs (Linux Foundation)."""


def plugged(root: Path = Path("/sys/bus/usb/devices")) -> list[str]:
    """Each USB device as "vid:pid name", hubs of the machine left out; empty where the system does not tell."""
    found = []
    for folder in sorted(root.glob("*")):
        vendor, product = _read(folder / "idVendor"), _read(folder / "idProduct")
        if vendor and product and vendor != _HUBS:
            found.append(f"{vendor}:{product} {_read(folder / 'product')}".strip())
    return found


def serial_ports() -> list[Any]:
    """What pyserial knows of this machine's serial ports: objects with device, vid, pid and description."""
    from serial.tools import list_ports

    return list(list_ports.comports())


def usb_id(port: Any) -> str | None:
    """ "vid:pid" of a port from `serial_ports`, None where it is not on USB."""
    return None if port.vid is None else f"{port.vid:04x}:{port.pid:04x}"


def board_port(board: Board, port: str | None) -> str:
    """The serial port to reach `board` by: `port` unless it is plainly another board's, else the only one that shows
    the board's USB ids. The port is free.

    Raises: WrongBoard, UsageError where several fit, DeviceError where none does, PortError where it cannot be opened.
    """
    ports = serial_ports()
    if port is None:
        port = _only_one(board, ports)
    _refuse_other(board, port, ports)
    from tinykit.link.port import SerialPort

    SerialPort(port).close()  # missing, busy or not permitted is said by name before a tool stumbles over it
    return port


def _only_one(board: Board, ports: list[Any]) -> str:
    fitting = [p.device for p in ports if usb_id(p) in board.usb_ids]
    if len(fitting) == 1:
        return str(fitting[0])
    if fitting:
        raise UsageError(
            f"several boards could be {board.name}", found=", ".join(fitting), next_step="Choose one with --port"
        )
    raise DeviceError(
        f"no {board.name} is plugged in",
        expected=f"a serial port with USB id {' or '.join(board.usb_ids) or '(the board has none)'}",
        found=", ".join(f"{p.device} ({usb_id(p) or p.description})" for p in ports) or "no serial port at all",
        next_step="Plug it in with a cable that carries data, or give its port with --port",
        page="flash-no-device",
    )


def _refuse_other(board: Board, port: str, ports: list[Any]) -> None:
    there = next((p for p in ports if p.device == port), None)
    found = usb_id(there) if there is not None else None
    if found is None or not board.usb_ids or found in board.usb_ids or found.split(":")[0] in BRIDGES:
        return
    raise WrongBoard(
        f"another board than {board.name} is on {port}; nothing was written",
        expected=f"USB id {' or '.join(board.usb_ids)}",
        found=f"{found} ({there.description if there is not None else ''})",
        next_step="Check --board and --port",
        page="flash-wrong-board",
    )


def _read(path: Path) -> str:
    try:
        text = path.read_text(errors="replace").strip()
    except OSError:
        return ""
    return "".join(c for c in text if c.isprintable())
