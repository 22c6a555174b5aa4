"""At which line of a TOML file each key stands, for error messages."""

from __future__ import annotations

import re
from collections.abc import Callable

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+|\"[^\"]*\"|'[^']*')\s*(\.|=)")
_STRINGS: Callable[[str], str] = lambda line: re.sub(r"\"(\\.|[^\"\\])*\"|'[^']*'", "", line)  # noqa: E731


def key_lines(text: str) -> dict[tuple[str, str], int]:
    """The line, from 1, of each (section, key); (section, "") is the section's header.

    Good enough for plain recipes: keys inside inline tables are found at their table's line.
    """
    places: dict[tuple[str, str], int] = {}
    section, depth, quotes = "", 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            quotes = "" if quotes in line else quotes
            continue
        if depth == 0 and (header := _HEADER.match(line)):
            section = header[1].strip("\"'")
            places.setdefault((section, ""), number)
            continue
        if depth == 0 and (key := _KEY.match(line)):
            places.setdefault((section, key[1].strip("\"'")), number)
        opened = next((q for q in ('"""', "'''") if line.count(q) == 1), "")
        quotes = opened
        bare = _STRINGS(line).split("#")[0]
        depth = max(0, depth + bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}"))
    return places
