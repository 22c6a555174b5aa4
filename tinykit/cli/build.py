"""`tinykit build MODEL.tflite --board B`: firmware."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import add_board, add_engine, add_model, add_optimize, existing_file
from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    add_board(parser)
    add_engine(parser)
    add_optimize(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="project folder (default build/NAME-BOARD)")


def run(args: argparse.Namespace) -> Outcome:
    """Build and say what came out."""
    from tinykit.boards import board
    from tinykit.firmware.build import build_program, default_folder
    from tinykit.firmware.engines import model_program
    from tinykit.graph.reader import read_graph

    chosen = board(args.board)
    graph = read_graph(existing_file(args.model, "model"))
    program = model_program(graph, args.model, chosen.target, args.engine, args.optimize)
    folder = args.output or default_folder(graph.name, chosen, args.engine, args.optimize)
    firmware = build_program(program, chosen, folder)
    sizes = firmware.sizes.as_json()
    made = {"board": chosen.name, "engine": args.engine, "optimize": args.optimize}
    result = {**made, "elf": str(firmware.elf), "model_sha256": graph.sha256, **sizes}
    flash, ram = sizes["flash"], sizes["ram"]
    text = (
        f"{firmware.elf}\n"
        f"flash: model {flash['total']:,} B (weights {flash['weights']:,}, code {flash['code']:,}), "
        f"firmware {flash['firmware']:,} B\n"
        f"RAM: arena {ram['arena']:,} B, static {ram['static']:,} B, firmware {ram['firmware']:,} B\n"
        f"Next: tinykit flash {args.model} --board {chosen.name}"
    )
    return Outcome(result, text)
