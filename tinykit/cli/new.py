"""`tinykit new FOLDER`: a project of one's own, started from an example."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError
from tinykit.files import copy_atomic, data_folder, folder_atomic, write_atomic

_TEXTS = (".md", ".toml", ".py", ".c")
_LINK_BEYOND = re.compile(r"\[([^\]]*)\]\(\.\./[^)]*\)")
"""A link of Markdown to what is not in the example's own folder."""


def _examples() -> dict[str, Path]:
    """The folders of the examples that have a recipe, by name."""
    return {path.parent.name: path.parent for path in sorted(data_folder("examples").glob("*/recipe.toml"))}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="must not exist yet")
    names = ", ".join(_examples())
    parser.add_argument("--example", default="digits", metavar="NAME", help=f"{names} (default digits)")


def run(args: argparse.Namespace) -> Outcome:
    """Copy the example; its commands name the new folder."""
    known = _examples()
    if args.example not in known:
        raise UsageError(f"no example {args.example!r}", expected=f"one of {', '.join(known)}")
    if args.folder.exists():
        raise UsageError(f"{args.folder} exists already", next_step="Choose another folder; nothing was changed")
    example = known[args.example]
    with folder_atomic(args.folder) as temporary:
        for file in sorted(path for path in example.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            place = temporary / file.relative_to(example)
            if file.suffix in _TEXTS:
                write_atomic(place, _moved(file.read_text(encoding="utf-8"), args.example, args.folder))
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                copy_atomic(file, place)
    recipe = args.folder / "recipe.toml"
    return Outcome({"recipe": str(recipe)}, f"{recipe}\nEdit it, then: tinykit run {recipe}")


def _moved(text: str, example: str, folder: Path) -> str:
    """An example's text as that of a project in `folder`."""
    text = text.replace(f"examples/{example}/", f"{folder.as_posix()}/")
    text = text.replace(f"build/{example}/", f"build/{folder.name}/")
    return _LINK_BEYOND.sub(r"\1", text)
