"""`tinykit report RUN.json`: a run as one HTML page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tinykit.cli.arguments import existing_file
from tinykit.cli.outcome import Outcome
from tinykit.errors import InputError
from tinykit.files import write_atomic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("run", type=Path, metavar="RUN", help="run.json, or the folder that holds it")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: report.html beside it")


def run(args: argparse.Namespace) -> Outcome:
    """Render and say where it lies."""
    from tinykit.report.html import render

    path = existing_file(args.run / "run.json" if args.run.is_dir() else args.run, "run")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON", found=error, next_step="Give the run.json of 'tinykit run'") from error
    if not isinstance(content, dict) or "verdict" not in content:
        raise InputError(f"{path} is not a run", next_step="Give the run.json that 'tinykit run' wrote")
    target = write_atomic(args.output or path.with_name("report.html"), render(content))
    return Outcome({"report": str(target)}, str(target))
