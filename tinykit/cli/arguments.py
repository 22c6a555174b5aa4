"""Arguments that several verbs share, and how their values become objects."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from tinykit.errors import InputError

DEFAULT_BOARD = "mps2-an386"
"""The emulated Cortex-M4F board: everything can be tried without hardware."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """The MODEL.tflite positional."""
    parser.add_argument("model", type=Path, metavar="MODEL.tflite", help="an int8 model")


def add_board(parser: argparse.ArgumentParser) -> None:
    """--board, emulated unless the user says otherwise."""
    parser.add_argument(
        "--board",
        default=DEFAULT_BOARD,
        metavar="B",
        help=f"a board's name or TOML file (default {DEFAULT_BOARD}, emulated); 'tinykit boards' lists them",
    )


def add_port(parser: argparse.ArgumentParser) -> None:
    """--port, for a board that is already running our firmware."""
    parser.add_argument(
        "--port",
        metavar="P",
        help="serial port of a flashed board (/dev/ttyACM0, socket://host:port, rfc2217://host:port); "
        "without it the board is emulated",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """--engine."""
    parser.add_argument(
        "--engine",
        choices=["aot", "tflm"],
        default="aot",
        help="aot: compiled C (default); tflm: the .tflite in TensorFlow Lite Micro's interpreter",
    )


def add_optimize(parser: argparse.ArgumentParser) -> None:
    """--optimize."""
    parser.add_argument(
        "--optimize",
        choices=["speed", "size", "ram"],
        default="speed",
        help="what compiled code shall be least in: instructions (default), flash, or RAM",
    )


def add_output(parser: argparse.ArgumentParser, what: str, default: str | None = None) -> None:
    """--output FOLDER."""
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", default=Path(default) if default else None, help=what
    )


def existing_file(path: Path, what: str) -> Path:
    """`path` if it is a file.

    Raises: InputError.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no ordinary file" if path.exists() else "nothing there"
        raise InputError(f"no {what} at {path}", found=found)
    return path


def terminal_width() -> int:
    """Columns to print in, between 60 and 120."""
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))


def has_colour() -> bool:
    """Whether stdout is a terminal whose user wants colour (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
