"""`tinykit monitor --port P`: a serial terminal that decodes our frames and plots scores."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.cli.arguments import add_board, existing_file, terminal_width
from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError

if TYPE_CHECKING:
    from tinykit.link.port import SerialPort


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("--port", required=True, metavar="P", help="the board's serial port")
    parser.add_argument("--baud", type=int, default=115200, help="its baud rate (default 115200)")
    add_board(parser)
    parser.add_argument("--elf", type=Path, help="the firmware's ELF: faults then name their function")
    parser.add_argument("--plot", action="store_true", help="lines of numbers become bars, drawn in place")
    parser.add_argument(
        "--scores", type=Path, metavar="MODEL.tflite", help="read this model's output again and again, and plot it"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long (default: Ctrl-C)")


def run(args: argparse.Namespace) -> Outcome:
    """Show what comes until Ctrl-C, the time is over, or the port is gone."""
    from tinykit.link.port import SerialPort

    if args.baud < 1 or not args.seconds > 0:
        raise UsageError("--baud must be at least 1, --seconds above 0")
    port = SerialPort(args.port, args.baud)
    try:
        return _show(args, port)
    except KeyboardInterrupt:
        return Outcome({"interrupted": True}, "")
    finally:
        port.close()


def _show(args: argparse.Namespace, port: SerialPort) -> Outcome:
    from tinykit.boards import board
    from tinykit.link.monitor import Plot
    from tinykit.link.symbols import function_at
    from tinykit.link.terminal import listen, pass_on_typing, plot_scores

    out = sys.stderr if args.json else sys.stdout
    if args.scores is not None:
        from tinykit.graph.reader import read_graph
        from tinykit.link.device import Device

        graph = read_graph(existing_file(args.scores, "model"))
        return Outcome(
            {"plots": plot_scores(Device(port), graph, out, seconds=args.seconds, width=terminal_width())}, ""
        )
    elf = existing_file(args.elf, "ELF file") if args.elf else None
    toolchain = board(args.board).target.toolchain
    pass_on_typing(port)
    counts = listen(
        port,
        out,
        seconds=args.seconds,
        plot=Plot(width=terminal_width()) if args.plot else None,
        name_of=lambda pc: function_at(elf, pc, toolchain) if elf else None,
    )
    return Outcome(dict(counts), "")
