"""The board registry: one TOML a board (board_file.py says what it holds).

Boards come from this project's `boards/`, from folders that `add_folder` names, and from those in TINYKIT_BOARDS.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from tinykit.board_file import FLASH_METHODS, IDENTITY, UART_DRIVERS, Board, read_board
from tinykit.errors import BoardError
from tinykit.files import data_folder

__all__ = ["FLASH_METHODS", "IDENTITY", "UART_DRIVERS", "Board", "add_folder", "all_boards", "board", "read_board"]

_FOLDERS_VARIABLE = "TINYKIT_BOARDS"

_added: list[Path] = []


def add_folder(path: Path) -> None:
    """Also look for boards in this folder, before all others.

    Raises: BoardError if it is no folder.
    """
    if not path.is_dir():
        raise BoardError(f"no folder of boards at {path}")
    if path not in _added:
        _added.insert(0, path)


def _files() -> dict[str, Path]:
    """Board files by name; the first folder that has a name wins."""
    named = [Path(p) for p in os.environ.get(_FOLDERS_VARIABLE, "").split(os.pathsep) if p]
    found: dict[str, Path] = {}
    for folder in (*_added, *named, data_folder("boards")):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def board(name: str) -> Board:
    """The board of this name, or that of the TOML file at this path.

    Raises: BoardError for an unknown one, with the nearest names.
    """
    if name.endswith(".toml") or "/" in name:
        return read_board(Path(name))
    files = _files()
    if name not in files:
        near = difflib.get_close_matches(name, files, n=3, cutoff=0.5)
        raise BoardError(
            f"unknown board {name!r}",
            expected=f"one of {', '.join(sorted(files))}",
            next_step=f"Did you mean {' or '.join(near)}?" if near else "See them all with `tinykit boards`",
        )
    return read_board(files[name])


def all_boards() -> tuple[Board, ...]:
    """Every known board, by name.

    Raises: BoardError if one of their files breaks the schema.
    """
    return tuple(read_board(path) for _, path in sorted(_files().items()))
