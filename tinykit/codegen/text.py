"""Strings of a model in C source: a layer's name may hold anything, and none of it may become code."""

from __future__ import annotations

_LONGEST = 60


def comment(text: str) -> str:
    """Text that is safe inside a /* comment */: printable ASCII, no comment signs, no backslash, no trigraph."""
    plain = "".join(c if " " <= c <= "~" and c not in "*\\?" else "_" for c in text)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def string(text: str) -> str:
    """A C string literal with the text's UTF-8 bytes."""
    escaped = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8", "replace")
    )
    return f'"{escaped}"'


def unique(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number behind it where it is taken; it is taken afterwards."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name
