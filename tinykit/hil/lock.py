"""One process a board: a lock file for each port, held until the process lets go of it or ends."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import TextIO

from tinykit.errors import PortError
from tinykit.flash.running import runtime_folder

_PAUSE_SECONDS = 0.1


@contextlib.contextmanager
def port_lock(address: str, patience: float) -> Iterator[None]:
    """Hold the lock of the port `address`, waiting at most `patience` seconds for another process to give it up.

    A port on another machine is locked against the processes of this one only.
    Raises: PortError that names the holder; OutputError without a folder for lock files.
    """
    if sys.platform == "win32":  # ports are exclusive there by themselves
        yield
        return
    real = address if "://" in address else os.path.realpath(address)
    path = runtime_folder() / f"port-{re.sub(r'[^A-Za-z0-9]+', '_', real)}.lock"
    deadline = time.monotonic() + patience
    with path.open("a+", encoding="utf-8") as stream:
        while not _acquire(stream):
            if time.monotonic() >= deadline:
                stream.seek(0)
                raise PortError(
                    f"another test run holds the board on {address}",
                    found=stream.read().strip() or "a process that does not say which",
                    next_step="Wait for it to end; with pytest-xdist give --dist loadgroup: one worker a board",
                    page="port-busy",
                )
            time.sleep(_PAUSE_SECONDS)
        stream.seek(0)
        stream.truncate()
        stream.write(f"process {os.getpid()}")
        stream.flush()
        yield


def _acquire(stream: TextIO) -> bool:
    """Whether the lock of the open file is ours now; closing the file gives it up."""
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
