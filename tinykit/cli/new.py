"""`tinykit new FOLDER`: a project of one's own, started from an example."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError
from tinykit.files import data_folder, folder_atomic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="must not exist yet")
    parser.add_argument("--example", default="digits", metavar="NAME", help="what to start from (default digits)")


def run(args: argparse.Namespace) -> Outcome:
    """Copy the example."""
    examples = data_folder("examples")
    known = sorted(p.parent.name for p in examples.glob("*/recipe.toml"))
    if args.example not in known:
        raise UsageError(f"no example {args.example!r}", expected=f"one of {', '.join(known)}")
    if args.folder.exists():
        raise UsageError(f"{args.folder} exists already", next_step="Choose another folder; nothing was changed")
    with folder_atomic(args.folder) as temporary:
        shutil.copytree(examples / args.example, temporary, dirs_exist_ok=True)
    recipe = args.folder / "recipe.toml"
    return Outcome({"recipe": str(recipe)}, f"{recipe}\nEdit it, then: tinykit run {recipe}")
