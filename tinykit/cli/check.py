"""`tinykit check MODEL.tflite`: supported? fits? at what predicted cost?"""

from __future__ import annotations

import argparse

from tinykit.cli.arguments import add_board, add_model, add_optimize, existing_file, terminal_width
from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    add_board(parser)
    add_optimize(parser)


def run(args: argparse.Namespace) -> Outcome:
    """Check and print; status 1 where the model does not fit, 2 where it cannot be compiled."""
    from tinykit.boards import board
    from tinykit.report.table import check_table
    from tinykit.validate.check import check

    result = check(existing_file(args.model, "model"), board(args.board), args.optimize)
    status = 2 if not result["supported"] else 0 if result["fits"] else 1
    return Outcome(result, check_table(result, terminal_width()), status)
