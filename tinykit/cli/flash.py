"""`tinykit flash MODEL.tflite --board B`: firmware onto a board; an emulated one is started in the background."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import add_board, add_port, existing_file
from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL.tflite", help="an int8 model")
    add_board(parser)
    add_port(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="project folder (default build/NAME-BOARD)")
    parser.add_argument("--stop", action="store_true", help="end the emulated boards in the background")


def run(args: argparse.Namespace) -> Outcome:
    """Build, flash, and say on which port the board answers."""
    from tinykit.flash.running import stop

    if args.stop:
        stopped = stop()
        return Outcome({"stopped": stopped}, f"stopped {', '.join(stopped)}" if stopped else "no emulated board runs")
    if args.model is None:
        raise UsageError("'tinykit flash' needs a MODEL.tflite", next_step="Or --stop to end emulated boards")
    from tinykit.boards import board
    from tinykit.firmware.build import build, default_folder
    from tinykit.flash import flash
    from tinykit.graph.reader import read_graph
    from tinykit.plan.build import make_plan

    chosen = board(args.board)
    graph = read_graph(existing_file(args.model, "model"))
    plan = make_plan(graph, chosen.target)
    firmware = build(plan, chosen, args.output or default_folder(graph.name, chosen))
    flashed = flash(chosen, firmware, args.port)
    result = {**vars(flashed), "elf": str(firmware.elf), "model_sha256": graph.sha256}
    text = f"{chosen.name} runs {graph.name}, flashed by {flashed.method}"
    if flashed.port:
        text += (
            f", and answers on {flashed.port}\n"
            f"Next: tinykit validate {args.model} --board {chosen.name} --port {flashed.port} --data SET.npz"
        )
    return Outcome(result, text)
