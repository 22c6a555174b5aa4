"""`tinykit validate MODEL.tflite --board B --data SET.npz`: a labelled set through the board."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import add_board, add_model, add_optimize, add_port, existing_file, terminal_width
from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    add_board(parser)
    add_port(parser)
    add_optimize(parser)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="SET.npz",
        help="x as the model's input (or float), y labels",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N samples")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from the samples that a validation cut off midway had answered (default)",
    )


def run(args: argparse.Namespace) -> Outcome:
    """Validate and print; status 1 where a byte differs from TFLM, inner layers included."""
    from tinykit.boards import board
    from tinykit.report.table import validate_text
    from tinykit.validate.serial import validate

    result = validate(
        existing_file(args.model, "model"),
        board(args.board),
        existing_file(args.data, "data set"),
        port=args.port,
        limit=args.limit,
        quiet=args.quiet,
        resume=args.resume,
        optimize=args.optimize,
    )
    equal = result["mismatched_bytes"] == 0 and result["first_divergent_layer"] is None
    return Outcome(result, validate_text(result, terminal_width()), 0 if equal else 1)
