"""`tinykit boards [show NAME]`: the registry; `tinykit boards --detect`: what of it is plugged in."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinykit.cli.outcome import Outcome

if TYPE_CHECKING:
    from tinykit.boards import Board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("action", nargs="?", choices=["list", "show"], default="list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="with show: the board")
    parser.add_argument("--detect", action="store_true", help="tell which boards are plugged in, by their USB ids")


def run(args: argparse.Namespace) -> Outcome:
    """List all boards, show one, or tell which are plugged in."""
    from tinykit.boards import all_boards, board
    from tinykit.errors import UsageError

    if args.action == "show":
        if not args.name:
            raise UsageError("'boards show' needs a board's name", next_step="'tinykit boards' lists them")
        chosen = board(args.name)
        return Outcome(chosen.as_json(), chosen.describe())
    boards = all_boards()
    if args.detect:
        return _detect(boards)
    width = max(len(b.name) for b in boards)
    lines = [
        f"{b.name:<{width}}  {b.target.name:<13}  flash {b.flash.length // 1024:>5} KB  "
        f"RAM {b.ram.length // 1024:>5} KB  {_served(b)}  {b.title}"
        for b in boards
    ]
    return Outcome({"boards": [b.as_json() for b in boards]}, "\n".join(lines))


def _served(board: Board) -> str:
    if board.emulator is not None:
        return "emulated "
    return "hardware " if board.is_bare_metal else "ecosystem"


def _detect(boards: Sequence[Board]) -> Outcome:
    from tinykit.flash.detect import detect

    found = detect(boards)
    return Outcome(
        {"detected": [vars(one) for one in found]},
        "\n".join(one.describe() for one in found) or "No board is plugged in, and no serial adapter.",
    )
