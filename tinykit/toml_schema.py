"""TOML checked against a schema: dataclasses whose fields say what they take, and errors that name the line."""

from __future__ import annotations

import difflib
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from tinykit.errors import BoardError


def rule(check: str, *choices: str, low: int = 0, high: int = 2**32 - 1) -> dict[str, Any]:
    """What the TOML may say for a field: `check` is "text", "number", "texts" or "table"."""
    return {"check": check, "choices": choices, "low": low, "high": high}


class TomlFile:
    """A board's TOML text: knows the line of a key, so that errors can name it."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._lines = text.splitlines()

    def line(self, table: str, key: str, occurrence: int = 0) -> int:
        """The line of `key` in the `occurrence`th `[table]` or `[[table]]` ("" for the top level); 0 if not found."""
        current, seen = "", -1
        pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
        for number, line in enumerate(self._lines, start=1):
            header = re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]", line)
            if header:
                current = header.group(1)
                seen += current == table
                if current == key and not table:
                    return number
            elif current == table and (not table or seen == occurrence) and pattern.match(line):
                return number
        return 0

    def error(self, what: str, line: int = 0, **facts: Any) -> BoardError:
        """An error that starts with the file and, where it is known, the line."""
        where = f"{self.path}:{line}" if line else str(self.path)
        return BoardError(f"{where}: {what}", **facts)


def _checked(value: Any, meta: Any, key: str) -> Any:
    """The value as the field's type. Raises ValueError with what was expected instead."""
    if meta["check"] == "number":
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("a whole number")
        if not meta["low"] <= value <= meta["high"]:
            raise ValueError(f"{key} from {meta['low']} to {meta['high']}")
    elif meta["check"] == "text":
        if not isinstance(value, str) or not value or not value.isprintable():
            raise ValueError("a printable text in quotes")
        if meta["choices"] and value not in meta["choices"]:
            raise ValueError(f"one of {', '.join(meta['choices'])}")
    elif meta["check"] == "texts":
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.isprintable() for v in value):
            raise ValueError("a list of texts")
        if meta["choices"] and not set(value) <= set(meta["choices"]):
            raise ValueError(f"only {', '.join(meta['choices'])}")
        return tuple(value)
    return value


def read_table(file: TomlFile, kind: type, table: str, values: Any, occurrence: int = 0) -> Any:
    """The TOML table `values` as the dataclass `kind`. Raises: BoardError."""
    where = f"[{table}]" if table else "the top level"
    if not isinstance(values, dict):
        raise file.error(f"[{table}] is not a table", file.line("", table), found=repr(values))
    known = {f.name: f for f in fields(kind)}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise file.error(
                f"unknown key {key!r} in {where}",
                file.line(table, key, occurrence),
                expected=f"one of {', '.join(known)}",
                next_step=f"Did you mean {near[0]!r}?" if near else None,
            )
    checked = {}
    for name, key_field in known.items():
        if name in values:
            try:
                checked[name] = _checked(values[name], key_field.metadata, name)
            except ValueError as error:
                line = file.line(table, name, occurrence)
                raise file.error(
                    f"{name!r} in {where} cannot be used", line, expected=error, found=repr(values[name])
                ) from None
        elif key_field.default is MISSING:
            raise file.error(f"{name!r} is missing in {where}")
    return kind(**checked)
