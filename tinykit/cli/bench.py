"""`tinykit bench MODEL.tflite --board B`: instructions, flash and RAM as they really are on the board."""

from __future__ import annotations

import argparse

from tinykit.cli.arguments import add_board, add_engine, add_model, add_port, existing_file, terminal_width
from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    add_board(parser)
    add_port(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> Outcome:
    """Bench and print; status 1 where the board's bytes differ from TFLM's."""
    from tinykit.boards import board
    from tinykit.report.table import bench_table
    from tinykit.validate.bench import bench

    result = bench(existing_file(args.model, "model"), board(args.board), engine=args.engine, port=args.port)
    return Outcome(result, bench_table(result, terminal_width()), 0 if result["bit_exact"] else 1)
