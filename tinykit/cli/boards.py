"""`tinykit boards [show NAME]`: the registry."""

from __future__ import annotations

import argparse

from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("action", nargs="?", choices=["list", "show"], default="list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="with show: the board")


def run(args: argparse.Namespace) -> Outcome:
    """List all boards, or show one."""
    from tinykit.boards import all_boards, board
    from tinykit.errors import UsageError

    if args.action == "show":
        if not args.name:
            raise UsageError("'boards show' needs a board's name", next_step="'tinykit boards' lists them")
        chosen = board(args.name)
        return Outcome(chosen.as_json(), chosen.describe())
    boards = all_boards()
    width = max(len(b.name) for b in boards)
    lines = [
        f"{b.name:<{width}}  {b.target.name:<10}  flash {b.flash.length // 1024:>5} KB  "
        f"RAM {b.ram.length // 1024:>5} KB  {'emulated' if b.emulator else 'hardware'}  {b.title}"
        for b in boards
    ]
    return Outcome({"boards": [b.as_json() for b in boards]}, "\n".join(lines))
