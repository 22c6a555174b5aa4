"""`tinykit prune RECIPE.toml`: a recipe, as far as the pruned student."""

from __future__ import annotations

import argparse

from tinykit.cli.outcome import Outcome
from tinykit.cli.stages import add_recipe_arguments as add_arguments
from tinykit.cli.stages import run_until

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> Outcome:
    """Run the recipe as far as the pruned student."""
    return run_until(args, "pruned")
