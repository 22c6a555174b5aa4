"""`tinykit flash MODEL.tflite --board B`: firmware onto a board; an emulated one is started in the background."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.cli.arguments import add_board, add_optimize, add_port, existing_file
from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError

if TYPE_CHECKING:
    from tinykit.boards import Board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL.tflite", help="an int8 model")
    add_board(parser)
    add_port(parser)
    add_optimize(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="project folder (default build/NAME-BOARD)")
    parser.add_argument(
        "--method", metavar="M", help="one of the board's flash methods; default: the first that is there"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of [flash.METHOD], in place of the board file's",
    )
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
    from tinykit.flash import choose, flash
    from tinykit.graph.reader import read_graph
    from tinykit.link.port import require_port
    from tinykit.plan.build import make_plan

    chosen = board(args.board)
    method = choose(chosen, args.port, args.method)
    if args.port is not None and Path(args.port).is_absolute() and not Path(args.port).exists():
        require_port(args.port)  # what is no path is the flash tool's to judge, and a drive's folder is a port, too
    chosen = _with_options(chosen, method, args.set)
    graph = read_graph(existing_file(args.model, "model"))
    plan = make_plan(graph, chosen.target, args.optimize)
    firmware = build(plan, chosen, args.output or default_folder(graph.name, chosen, optimize=args.optimize))
    flashed = flash(chosen, firmware, args.port, method=method, quiet=args.quiet)
    result = {**vars(flashed), "elf": str(firmware.elf), "model_sha256": graph.sha256}
    text = f"{chosen.name} runs {graph.name}, flashed by {flashed.method}"
    if flashed.recovered:
        text = f"{flashed.recovered}; all of it was written anew\n{text}"
    if flashed.port:
        text += (
            f", and answers on {flashed.port}\n"
            f"Next: tinykit validate {args.model} --board {chosen.name} --port {flashed.port} --data SET.npz"
        )
    return Outcome(result, text)


def _with_options(board: Board, method: str, settings: list[str]) -> Board:
    """The board with the method's options as the command line sets them. Raises: UsageError."""
    from tinykit.boards import FLASH_METHODS

    options = dict(board.flash_options.get(method, {}))
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not value or key not in FLASH_METHODS[method]:
            raise UsageError(
                f"--set {setting} cannot be used with {method}",
                expected=f"KEY=VALUE with KEY one of {', '.join(FLASH_METHODS[method]) or '(it has none)'}",
            )
        options[key] = value
    return dataclasses.replace(board, flash_options={**board.flash_options, method: options})
