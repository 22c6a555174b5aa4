"""`tinykit quantize MODEL.keras|MODEL.h5|RECIPE.toml`: an int8 .tflite."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinykit.cli.arguments import existing_file
from tinykit.cli.outcome import Outcome
from tinykit.cli.stages import run_until
from tinykit.errors import UsageError

FEW = 50
"""Typical inputs below which a warning is given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument(
        "recipe", type=Path, metavar="MODEL", help="a .keras or .h5 file (Keras 2 or 3), or a recipe.toml"
    )
    parser.add_argument(
        "--data", type=Path, metavar="SET.npz", help=f"x: typical inputs, {FEW} or more, to calibrate with"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: MODEL.tflite beside the model")


def run(args: argparse.Namespace) -> Outcome:
    """Quantize and say where the file lies."""
    if args.recipe.suffix == ".toml":
        return run_until(args, "int8")
    if args.recipe.suffix not in (".keras", ".h5"):
        raise UsageError(
            f"cannot quantize {args.recipe.name}",
            expected="a .keras or .h5 file, or a recipe.toml",
            next_step="Save the model with model.save('model.keras')",
        )
    model = existing_file(args.recipe, "model")
    if args.data is None:
        raise UsageError(
            "quantizing needs typical inputs to calibrate with",
            next_step="Give --data SET.npz with an array 'x' of shape (n, ...) such as the training inputs",
        )
    from tinykit.learn.quantize import quantize_file
    from tinykit.stored import npz_headers

    data = existing_file(args.data, "data set")
    output = quantize_file(model, data, args.output or model.with_suffix(".tflite"))
    result = {"model": str(output), "bytes": output.stat().st_size}
    (count, *_), _ = npz_headers(data)["x"]
    if count < FEW:
        print(
            f"Warning: only {count} typical inputs; with {FEW} and more the ranges of activations are surer",
            file=sys.stderr,
        )
    return Outcome(result, f"{output} ({result['bytes']:,} B)\nNext: tinykit check {output}")
