"""`tinykit capture --port P --label L -o SET.npz`: labelled sensor data from a board's serial lines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinykit.cli.outcome import Outcome
from tinykit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("--port", required=True, metavar="P", help="the board's serial port")
    parser.add_argument("--baud", type=int, default=115200, help="its baud rate (default 115200)")
    parser.add_argument("--label", required=True, metavar="L", help="what is being recorded, such as 'walking'")
    parser.add_argument(
        "--session",
        default="",
        metavar="S",
        help="whose, or on which day; default: the next number (group of a recipe)",
    )
    parser.add_argument("--rate", type=float, required=True, metavar="HZ", help="lines a second that the board prints")
    parser.add_argument("--window", type=int, required=True, metavar="N", help="lines that are one sample")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="samples to record now (default 20)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SET.npz", help="the data set to add to")


def run(args: argparse.Namespace) -> Outcome:
    """Record, and say what the set holds now."""
    from tinykit.data.capture import Recording, Wanted, capture
    from tinykit.link.port import SerialPort
    from tinykit.progress import Progress

    _check(args)
    recording = Recording(args.output.with_suffix(".csv"), args.window, args.session)
    if recording.aside is not None:
        print(f"Warning: {recording.path} held no whole window; it is {recording.aside} now.", file=sys.stderr)
    port = SerialPort(args.port, args.baud)
    try:
        with Progress(f"Recording {args.label}", args.count, quiet=args.quiet) as progress:
            wanted = Wanted(args.label, args.window, args.count, args.rate)
            done = capture(port, recording, wanted, heard=lambda windows: progress.advance(windows - progress.done))
    finally:
        port.close()
        if recording.labels:
            recording.export(args.output)
    result = {
        **vars(done),
        "file": str(args.output),
        "csv": str(recording.path),
        "aside": None if recording.aside is None else str(recording.aside),
        "shape": [len(recording.labels), recording.length, 1, recording.channels],
        "counts": recording.counts,
    }
    counts = ", ".join(f"{count} {label}" for label, count in recording.counts.items())
    classes = ", ".join(f'"{label}"' for label in recording.classes)
    dropped = f", {done.dropped} dropped" if done.dropped else ""
    text = (
        f"{done.windows} samples of {args.label} at {done.rate:.1f} lines a second{dropped}; "
        f"session {recording.session}\n"
        f"{args.output}: {counts}; {recording.length} lines of {recording.channels} numbers each\n"
        f'In a recipe: [data] kind = "npz", file = "{args.output.name}", group = "session", classes = [{classes}]'
    )
    return Outcome(result, text)


def _check(args: argparse.Namespace) -> None:
    """Raises: UsageError."""
    if args.output.suffix != ".npz":
        raise UsageError("--output must end in .npz", found=args.output)
    if args.window < 2 or args.count < 1 or not 0 < args.rate < 100_000:
        raise UsageError("--window must be at least 2, --count at least 1, --rate above 0")
    for name, text in (("--label", args.label), ("--session", args.session or "0")):
        if not text.isprintable() or not text.strip():
            raise UsageError(f"{name} must be printable text", found=repr(text))
