"""Running a flash tool: its output as it comes, an end to its patience, and nothing left behind."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinykit.errors import ToolFailed

_KEPT = 65536
"""Characters of output that are kept, the last ones."""

_POLL_SECONDS = 0.2

_LEASHED = 'exec 3<&0 </dev/null; (read -r _ <&3 || kill -KILL $$) >/dev/null 2>&1 & exec 3<&-; exec "$@"'
"""Shell that runs a tool which dies with its parent, however that dies: standard input is a pipe that only the parent
can write, and at its end the tool is killed. An orphan that goes on writing to the board would be in the next one's
way."""


@dataclass(frozen=True)
class Ran:
    """A tool that ended: its exit `status` and the end of its `output` (both streams, in order)."""

    status: int
    output: str


def run(command: list[str], seconds: float, heard: Callable[[str], None], folder: Path | None = None) -> Ran:
    """Run `command` in `folder`; `heard` gets the output so far whenever it grows.

    The tool and its children are killed after `seconds`, and when this process ends or is interrupted.
    Raises: ToolFailed when it cannot be started or takes longer.
    """
    if not (Path(command[0]).is_file() and os.access(command[0], os.X_OK)):
        raise ToolFailed(f"cannot run {command[0]}", found="no program", page="flash-failed")
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _LEASHED, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolFailed(f"cannot run {command[0]}", found=error.strerror, page="flash-failed") from error
    try:
        output = _listen(process, time.monotonic() + seconds, heard)
        if output is None:
            raise ToolFailed(
                f"{Path(command[0]).name} did not end within {seconds:.0f} s",
                found="it was ended",
                next_step="Unplug the board, plug it in again, and run the same command again",
                page="flash-failed",
                facts={"command": command},
            )
        return Ran(process.wait(), output)
    finally:
        _end(process)


def _listen(process: subprocess.Popen[bytes], deadline: float, heard: Callable[[str], None]) -> str | None:
    """All output until the tool ends; None when it is still there at the `deadline`."""
    assert process.stdout is not None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if not selector.select(_POLL_SECONDS):
                if process.poll() is not None:
                    return text  # a child of it holds the pipe open
                continue
            data = os.read(process.stdout.fileno(), 4096)
            if not data:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
                    return text
                return None
            text = (text + decoder.decode(data))[-_KEPT:]
            heard(text)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
