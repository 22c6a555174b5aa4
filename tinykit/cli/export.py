"""`tinykit export MODEL.tflite --template T`: a project for the user's own ecosystem."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import DEFAULT_BOARD, add_engine, add_model, add_optimize, existing_file
from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError

BARE_METAL = "baremetal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    add_model(parser)
    parser.add_argument(
        "--template",
        required=True,
        metavar="T",
        help="baremetal, cmake, arduino, platformio, espidf or zephyr",
    )
    parser.add_argument("--board", metavar="B", help="compile for this board's core; 'tinykit boards' lists them")
    parser.add_argument("--target", metavar="T", help="compile for this instruction set (default: plain C for any)")
    parser.add_argument("--id", metavar="ID", help="the board's name in the ecosystem, where tinykit does not know it")
    parser.add_argument("--name", help="prefix of the generated C names (default: from the file's name)")
    add_engine(parser)
    add_optimize(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="a new folder (default build/NAME-T)")


def run(args: argparse.Namespace) -> Outcome:
    """Render and say what to run next."""
    from tinykit.boards import board
    from tinykit.export.render import bare_metal_project, board_id, project, write
    from tinykit.export.templates import template
    from tinykit.firmware.engines import model_program
    from tinykit.firmware.fit import require_fit
    from tinykit.graph.reader import read_graph
    from tinykit.targets import target

    if args.board and args.target:
        raise UsageError("--board decides the target", next_step="Give --board or --target, not both")
    graph = read_graph(existing_file(args.model, "model"), args.name)
    if args.template == BARE_METAL:
        if args.target or args.id:
            raise UsageError(
                "bare metal is for one of tinykit's boards", next_step="Give --board, or another --template"
            )
        chosen = board(args.board or DEFAULT_BOARD)
        core, identity, command = chosen.target, "", "make"
        program = model_program(graph, args.model, core, args.engine, args.optimize)
        require_fit(program, chosen)
        files = bare_metal_project(program, chosen)
    else:
        wanted = template(args.template)
        known = board(args.board) if args.board else None
        core = known.target if known else target(args.target or "host")
        program = model_program(graph, args.model, core, args.engine, args.optimize)
        if known is not None:
            require_fit(program, known)
        identity = board_id(wanted, known, args.id)
        command = wanted.command.replace("ID", identity).replace("NAME", graph.name)
        files = project(program, wanted, core, board=known, identity=identity)
    folder = args.output or Path("build") / f"{graph.name}-{args.template}"
    paths = write(files, folder)
    result = {
        "name": graph.name,
        "template": args.template,
        "target": core.name,
        "engine": args.engine,
        "optimize": args.optimize,
        "id": identity or None,
        "folder": str(folder),
        "files": [str(p) for p in paths],
        "command": command,
        "model_sha256": graph.sha256,
    }
    return Outcome(result, f"{folder} holds {len(paths)} files\nNext: cd {folder} && {command}")
