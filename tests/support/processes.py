"""Processes that a test waits for without looking again and again."""

from __future__ import annotations

import os
import select

PATIENCE = 10.0
"""Seconds: a busy machine takes its time."""


def has_ended(process: int) -> bool:
    """Whether the process is gone (or a zombie) within `PATIENCE`; it need not be a child of ours."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE)[0])
    finally:
        os.close(handle)
