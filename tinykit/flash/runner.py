"""What the emulators that run in programs of our own share; the programs are in runners/."""

from __future__ import annotations

import os
import sys
from pathlib import Path

RUNNERS = Path(__file__).parent / "runners"


def cache_folder() -> Path:
    """Where they are kept once made: $XDG_CACHE_HOME/tinykit/runners, or ~/.cache/tinykit/runners."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinykit" / "runners"


def on_terminal(*command: str) -> list[str]:
    """`command` with a new pseudo terminal as its file descriptor 3, and the terminal's path as its last argument."""
    return [sys.executable, "-I", "-S", str(RUNNERS / "with_pty.py"), *command]
