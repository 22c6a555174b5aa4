"""`tinykit verify MODEL.tflite`: compiled C against TFLM, byte for byte."""

from __future__ import annotations

import argparse

from tinykit.cli.arguments import add_model, add_optimize, existing_file, terminal_width
from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    parser.add_argument(
        "--vectors", type=int, default=200, metavar="N", help="random and boundary inputs (default 200)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the random inputs (default 0)")
    parser.add_argument(
        "--target", default="host", help="where the compiled C runs: host (default), or the target of an emulated board"
    )
    add_optimize(parser)


def run(args: argparse.Namespace) -> Outcome:
    """Verify and print; status 1 where a byte differs."""
    from tinykit.errors import UsageError
    from tinykit.report.table import verify_text
    from tinykit.validate.parity import verify

    if args.vectors < 1:
        raise UsageError("--vectors must be at least 1", found=args.vectors)
    model = existing_file(args.model, "model")
    result = verify(model, vectors=args.vectors, seed=args.seed, target=args.target, optimize=args.optimize)
    return Outcome(result, verify_text(result, terminal_width()), 0 if result["bit_exact"] else 1)
