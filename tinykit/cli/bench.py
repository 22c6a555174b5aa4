"""`tinykit bench MODEL.tflite --board B`: instructions, flash and RAM as they really are on the board."""

from __future__ import annotations

import argparse

from tinykit.cli.arguments import (
    add_board,
    add_engine,
    add_model,
    add_optimize,
    add_port,
    existing_file,
    terminal_width,
)
from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    add_board(parser)
    add_port(parser)
    add_engine(parser)
    add_optimize(parser)
    parser.add_argument("--compare", action="store_true", help="speed, size and ram side by side, emulated")


def run(args: argparse.Namespace) -> Outcome:
    """Bench and print; status 1 where the board's bytes differ from TFLM's."""
    from tinykit.boards import board
    from tinykit.report.table import bench_table, compare_table
    from tinykit.validate.bench import bench, compare

    model, chosen = existing_file(args.model, "model"), board(args.board)
    if args.compare:
        if args.port is not None or args.engine != "aot":
            raise UsageError("--compare builds compiled code for the emulator", next_step="Drop --port and --engine")
        both = compare(model, chosen)
        return Outcome(both, compare_table(both, terminal_width()), 0 if both["bit_exact"] else 1)
    result = bench(model, chosen, engine=args.engine, port=args.port, optimize=args.optimize)
    return Outcome(result, bench_table(result, terminal_width()), 0 if result["bit_exact"] else 1)
