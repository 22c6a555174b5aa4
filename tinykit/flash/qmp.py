"""The QEMU Machine Protocol over a unix socket: one JSON object a line. See QEMU's documentation, "QMP"."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

from tinykit.errors import ToolFailed

_TIMEOUT = 10.0


class Qmp:
    """A conversation with one emulator; use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Raises: OSError when nothing listens at `path`, ToolFailed when it does not speak QMP."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(_TIMEOUT)
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("rb")
            self._receive()
            self.execute("qmp_capabilities")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Qmp:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._socket.close()

    def execute(self, command: str) -> Any:
        """What the emulator returns to `command`, events passed over.

        Raises: ToolFailed when it refuses or hangs up.
        """
        try:
            self._socket.sendall(json.dumps({"execute": command}).encode() + b"\n")
            while True:
                message = self._receive()
                if "return" in message:
                    return message["return"]
                if "error" in message:
                    raise ToolFailed(f"the emulator refused {command}", found=message["error"].get("desc"))
        except OSError as error:
            raise ToolFailed(f"the emulator hung up on {command}", found=str(error)) from error

    def _receive(self) -> dict[str, Any]:
        line = self._lines.readline()
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ToolFailed("the emulator hung up", found=line[:80])
        return message
