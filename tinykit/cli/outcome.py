"""What a verb hands back to the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """`result` is the JSON object, `text` what a person reads, `status` 0 (passed) or 1 (the verdict is no)."""

    result: dict[str, Any]
    text: str
    status: int = 0
