"""`tinykit compile MODEL.tflite`: C sources."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinykit.cli.arguments import add_engine, add_optimize, existing_file
from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("model", type=Path, metavar="MODEL.tflite", help="an int8 model")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where to write (default build/NAME)")
    parser.add_argument("--board", metavar="B", help="compile for this board's core and refuse what does not fit")
    parser.add_argument("--target", metavar="T", help="compile for this instruction set (default cortex-m4)")
    add_engine(parser)
    add_optimize(parser)
    parser.add_argument("--name", help="prefix of the generated C names (default: from the file's name)")


def run(args: argparse.Namespace) -> Outcome:
    """Compile and say what was written."""
    from tinykit.boards import board
    from tinykit.codegen.emit import write_files
    from tinykit.firmware.engines import model_program
    from tinykit.firmware.fit import require_fit
    from tinykit.graph.reader import read_graph
    from tinykit.targets import target

    if args.board and args.target:
        raise UsageError("--board decides the target", next_step="Give --board or --target, not both")
    graph = read_graph(existing_file(args.model, "model"), args.name)
    chosen = board(args.board) if args.board else None
    wanted = chosen.target if chosen and not args.target else target(args.target or "cortex-m4")
    program = model_program(graph, args.model, wanted, args.engine, args.optimize)
    if chosen is not None:
        require_fit(program, chosen)
    files = write_files(program.sources, args.output or Path("build") / graph.name)
    cost = program.cost
    result = {
        "name": graph.name,
        "target": wanted.name,
        "engine": args.engine,
        "optimize": args.optimize,
        "files": [str(f) for f in files],
        "flash": {"weights": cost.weights, "code": cost.code, "total": cost.flash},
        "ram": {"arena": cost.arena, "static": cost.static, "stack": cost.stack, "total": cost.ram},
        "macs": cost.macs if args.engine == "aot" else None,
        "model_sha256": graph.sha256,
    }
    listed = "\n".join(f"  {f}" for f in files)
    done = "compiled" if args.engine == "aot" else "prepared for TFLM's interpreter"
    text = (
        f"{graph.name} {done} for {wanted.name}: weights {cost.weights:,} B, arena {cost.arena:,} B\n{listed}\n"
        f"Add these files to your build; {graph.name}.h shows the interface."
    )
    return Outcome(result, text)
