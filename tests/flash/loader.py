"""A boot loader in a chip's ROM, behind a pseudo terminal: the thread, and bytes by the count."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator
from typing import Protocol


class Gone(Exception):
    """The test is over."""


class Line:
    """The chip's side of the serial line."""

    def __init__(self, descriptor: int, stop: int) -> None:
        self._descriptor, self._stop = descriptor, stop
        self._waiting = b""

    def take(self, count: int) -> bytes:
        """The next `count` bytes from the host. Raises: Gone."""
        while len(self._waiting) < count:
            ready, _, _ = select.select([self._descriptor, self._stop], [], [])
            if self._stop in ready:
                raise Gone
            self._waiting += os.read(self._descriptor, 4096)
        data, self._waiting = self._waiting[:count], self._waiting[count:]
        return data

    def send(self, data: bytes) -> None:
        """Bytes to the host."""
        os.write(self._descriptor, data)


class Loader(Protocol):
    """A chip that waits in its boot loader."""

    def serve(self, line: Line) -> None:
        """Answer until the line raises Gone."""


@contextlib.contextmanager
def on_pty(loader: Loader) -> Iterator[str]:
    """The chip behind a pseudo terminal for as long as the block lasts; gives its path."""
    master, slave = os.openpty()
    tty.setraw(slave)
    ours, theirs = os.pipe()

    def serve() -> None:
        with contextlib.suppress(Gone):
            loader.serve(Line(master, ours))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.write(theirs, b"x")
        thread.join(10)
        for descriptor in (master, slave, ours, theirs):
            os.close(descriptor)
