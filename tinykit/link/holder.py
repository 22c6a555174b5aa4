"""Who holds a serial port: from /proc where it is readable, from lock files (LCK..ttyX) elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

_LOCK_FOLDERS = (Path("/run/lock"), Path("/var/lock"))


def holder(path: str) -> str | None:
    """The process that has `path` open or locked, such as "python3 (process 4711)"; None where nothing tells."""
    for pid in (*_lock_file(path), *_flock(path), *_open_files(path)):
        return f"{_command(pid)} (process {pid})" if pid != os.getpid() else f"this process ({pid})"
    return None


def lock_file_holder(path: str) -> str | None:
    """The living other process that claims `path` by a lock file, as minicom and picocom do."""
    for pid in _lock_file(path):
        if pid != os.getpid():
            return f"{_command(pid)} (process {pid})"
    return None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() or "a program"
    except OSError:
        return "a program"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _lock_file(path: str) -> list[int]:
    name = f"LCK..{Path(path).name}"
    for folder in _LOCK_FOLDERS:
        try:
            pid = int((folder / name).read_text(errors="replace").split()[0])
        except (OSError, ValueError, IndexError):
            continue
        if pid > 0 and _alive(pid):
            return [pid]
    return []


def _flock(path: str) -> list[int]:
    """From /proc/locks, whose lines read: number, kind, mode, access, pid, major:minor:inode (hex, hex, decimal)."""
    try:
        status = Path(path).stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return []
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    fields = (line.split() for line in lines if "FLOCK" in line)
    return [int(f[4]) for f in fields if len(f) > 5 and f[5] == device and f[4].isdigit() and f[4] != "0"]


def _open_files(path: str) -> list[int]:
    wanted = os.path.realpath(path)
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == wanted:
                found.append(int(link.parts[2]))
        except OSError:
            continue
    return found
