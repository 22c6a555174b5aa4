"""Which known boards are plugged in, by the USB ids that their files name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tinykit.flash.usb import BRIDGES, plugged, serial_ports, usb_id

if TYPE_CHECKING:
    from tinykit.boards import Board


@dataclass(frozen=True)
class Detected:
    """Something on USB.

    Attributes: `port` its serial port, None where it has none (such as a boot loader that shows up as a drive);
    `usb_id` as "vid:pid"; `description` its own; `boards` the names of all boards with this id; `is_bridge` says that
    it is a serial adapter, behind which any board may be.
    """

    port: str | None
    usb_id: str
    description: str
    boards: tuple[str, ...]
    is_bridge: bool

    def describe(self) -> str:
        """One line for people."""
        place = self.port or "no serial port"
        names = " or ".join(self.boards) or "no known board"
        others = ", or another board behind this serial adapter" if self.is_bridge else ""
        return f"{place:<14}  {self.usb_id}  {names}{others}  ({self.description})"


def detect(
    boards: Iterable[Board], ports: Sequence[Any] | None = None, devices: Sequence[str] | None = None
) -> list[Detected]:
    """What is plugged in: every serial port on USB, and every other USB device that is a known board.

    Args:
        boards: to look for.
        ports: as `usb.serial_ports` gives them, the default.
        devices: as `usb.plugged` gives them, the default.
    """
    named: dict[str, list[str]] = {}
    for board in boards:
        for one in board.usb_ids:
            named.setdefault(one, []).append(board.name)

    def found(port: str | None, identity: str, description: str) -> Detected:
        is_bridge = identity.split(":", maxsplit=1)[0] in BRIDGES
        return Detected(port, identity, description, tuple(named.get(identity, ())), is_bridge)

    there = serial_ports() if ports is None else ports
    known = [(p, identity) for p in there if (identity := usb_id(p)) is not None]
    listed = [found(port.device, identity, str(port.description)) for port, identity in known]
    with_port = {identity for _, identity in known}
    for text in plugged() if devices is None else devices:
        identity, _, description = text.partition(" ")
        if identity in named and identity not in with_port:
            listed.append(found(None, identity, description))
    return listed
