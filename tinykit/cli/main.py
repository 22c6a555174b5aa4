"""The command line: finds the verb, runs it, prints its outcome, turns errors into one sentence and an exit status.

Exit status: 0 done and passed; 1 ran and the verdict is no; 2 bad input or usage; 3 a tool or device is missing or
failed; 130 interrupted; 143 terminated.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib
import io
import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from tinykit import __version__
from tinykit.cli.outcome import Outcome
from tinykit.errors import DiskFull, EnvironmentFailure, InputError, Interrupted, TinykitError, UsageError

VERBS = {
    "new": "start a project of your own from an example",
    "run": "run a recipe: data to a proven model on a board, resuming what is done",
    "train": "run a recipe as far as the teacher and the control student",
    "distill": "run a recipe as far as the distilled student",
    "prune": "run a recipe as far as the pruned student",
    "quantize": "turn a .keras or .h5 file (or a recipe's student) into an int8 .tflite",
    "search": "try many students that fit the board, and make a recipe of the best",
    "check": "say whether a .tflite can be compiled and fits a board, and what it will cost",
    "compile": "turn a .tflite into C",
    "verify": "prove the compiled C byte-equal to TFLM",
    "export": "turn a .tflite into a project for CMake, Arduino, PlatformIO, ESP-IDF, Zephyr or bare metal",
    "build": "turn a .tflite into firmware for a board",
    "flash": "put the firmware on a board (or start the emulated one)",
    "validate": "send a labelled set through a board over its serial port",
    "bench": "count instructions, flash and RAM on a board",
    "monitor": "show what a board says: text, frames in words, scores as live bars",
    "capture": "record labelled sensor data from a board's serial lines",
    "boards": "list the boards, or show one",
    "doctor": "look over tools, extras and ports, with a fix for what is missing",
    "explain": "say what an error means and what to do",
    "report": "write a run as one HTML page",
}


class Parser(argparse.ArgumentParser):
    """argparse, with our error type in place of its exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self._verb}{message}", next_step=f"Run '{self.prog} --help'")

    @property
    def _verb(self) -> str:
        return "".join(f"{word}: " for word in self.prog.split()[1:])

    def refuse(self, strange: Sequence[str]) -> NoReturn:
        """Raises: UsageError that names the argument nobody knows, and the option nearest to it."""
        known = [name for action in self._actions for name in action.option_strings]
        near = difflib.get_close_matches(strange[0].partition("=")[0], known, n=1, cutoff=0.75)
        hint = f"Did you mean {near[0]}?" if near else f"Run '{self.prog} --help'"
        raise UsageError(f"{self._verb}unknown argument {strange[0]!r}", next_step=hint)


def build_parser(verb: str | None) -> tuple[Parser, Parser]:
    """The parser, and the chosen verb's own; only that verb's module is imported, so that help stays quick."""
    parser = Parser(
        prog="tinykit",
        description="From a Keras model to a proven int8 model on a microcontroller.",
        epilog="'tinykit VERB --help' explains a verb. Start with: tinykit new my-project",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tinykit {__version__}")
    chosen = parser
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    for name, text in VERBS.items():
        sub = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == verb:
            chosen = sub
            importlib.import_module(f"tinykit.cli.{name}").add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="one JSON object on stdout, logs on stderr")
        sub.add_argument("--quiet", action="store_true", help="no progress")
    return parser, chosen


def find_verb(arguments: Sequence[str]) -> str | None:
    """The verb that the user typed.

    Raises: UsageError for an unknown one, with the nearest.
    """
    first = next((a for a in arguments if not a.startswith("-")), None)
    if first is None or first in VERBS:
        return first
    near = difflib.get_close_matches(first, VERBS, n=1)
    hint = f"Did you mean 'tinykit {near[0]}'?" if near else "'tinykit --help' lists the verbs"
    raise UsageError(f"unknown verb {first!r}", next_step=hint)


def plain(value: Any) -> Any:
    """numpy numbers and paths as what json knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def finite(value: Any) -> Any:
    """`value` with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def tell(text: str) -> None:
    """Print on stdout, now. Raises: OSError where it is full or closed."""
    try:
        print(text, flush=True)
    except OSError:
        _discard_stdout()
        raise


def _discard_stdout() -> None:
    """Let what is left in stdout's buffer go nowhere, so that Python's own flush at the end does not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(outcome: Outcome, as_json: bool) -> int:
    """Print an outcome and return its exit status."""
    if as_json:
        tell(json.dumps(finite(outcome.result), default=plain))
    elif outcome.text:
        tell(outcome.text)
    return outcome.status


def fail(error: TinykitError, as_json: bool) -> int:
    """Print an error and return its exit status."""
    if as_json:
        with contextlib.suppress(OSError):  # stdout itself may be what is full
            tell(json.dumps({"error": error.as_json()}, default=plain))
    print(f"tinykit: {error}", file=sys.stderr)
    return error.exit_status


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; never raises for the user's mistakes."""
    as_json = "--json" in arguments
    try:
        verb = find_verb(arguments)
        parser, chosen = build_parser(verb)
        parsed, strange = parser.parse_known_args(arguments)
        if strange:
            chosen.refuse(strange)
        if parsed.verb is None:
            parser.print_help()
            return 0
        module = importlib.import_module(f"tinykit.cli.{parsed.verb}")
        parsed.quiet = parsed.quiet or as_json
        return emit(module.run(parsed), as_json)
    except TinykitError as error:
        return fail(error, as_json)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # below the progress line
        return fail(Interrupted(), as_json)
    except BrokenPipeError:
        _discard_stdout()  # its reader (head, less) is gone: say nothing more
        return 0
    except OSError as error:
        return fail(_refused(error), as_json)


def _refused(error: OSError) -> TinykitError:
    """What the operating system would not do, as an error of ours."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("no space left on the disk", page="disk-full")
    if isinstance(error.filename, (str, os.PathLike)):
        return InputError(f"cannot use {os.fspath(error.filename)}", found=error.strerror)
    return EnvironmentFailure("the operating system refused something", found=error.strerror or str(error))


def main() -> None:
    """The `tinykit` command, once its modules are there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what is half done is removed
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 gets '?' for what it cannot show
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
