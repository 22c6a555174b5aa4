"""`tinykit search RECIPE.toml`: many students that fit the board; the best becomes a recipe."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import existing_file
from tinykit.cli.outcome import Outcome
from tinykit.cli.stages import add_recipe_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that try candidates (default 1)")
    parser.add_argument("--choose", type=int, metavar="TRIAL", help="make the recipe of this trial")
    parser.add_argument("--storage", metavar="URL", help="a database for several machines, such as postgresql://...")
    parser.add_argument("--worker", action="store_true", help="only try candidates; another process writes the results")


def run(args: argparse.Namespace) -> Outcome:
    """Search, and say which students are worth a look."""
    from tinykit.errors import UsageError
    from tinykit.recipe import load_recipe
    from tinykit.search.study import search

    if args.jobs < 1:
        raise UsageError("--jobs is out of range", expected="1 or more", found=args.jobs)
    recipe = load_recipe(existing_file(args.recipe, "recipe"))
    output = args.output or Path("build") / recipe.name
    result = search(
        recipe,
        output,
        jobs=args.jobs,
        number=args.choose,
        storage=args.storage,
        quiet=args.quiet,
        worker=args.worker,
    )
    if args.worker:
        return Outcome({}, "")
    if result["chosen"] is None:
        return Outcome(result, f"{result['table']}\n\nNothing that fits was found.", 1)
    files = result["files"]
    return Outcome(result, f"{result['table']}\n\nPicture: {files['picture']}\nNext: tinykit run {files['recipe']}")
