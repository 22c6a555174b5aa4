"""Verbs that run a recipe, as far as some stage: shared by run, train, distill, prune and quantize."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import existing_file, has_colour, terminal_width
from tinykit.cli.outcome import Outcome


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE and where its results go."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help="a recipe, or the folder of recipe.toml")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="results (default build/RECIPE'S NAME)")


def run_until(args: argparse.Namespace, until: str | None) -> Outcome:
    """Run the recipe as far as `until` (None: to the verdict); status 1 where the verdict is no."""
    from tinykit.pipeline import run as run_pipeline
    from tinykit.recipe import load_recipe
    from tinykit.report.table import render

    path = args.recipe / "recipe.toml" if args.recipe.is_dir() else args.recipe
    recipe = load_recipe(existing_file(path, "recipe"))
    output = args.output or Path("build") / recipe.name
    result = run_pipeline(recipe, output=output, quiet=args.quiet, until=until)
    passed = result["verdict"]["passed"]
    text = render(result, terminal_width(), report=str(output / "report.html"), colour=has_colour())
    return Outcome(result, text, 1 if passed is False else 0)
