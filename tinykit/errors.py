"""The one exception tree. Every error carries facts: what happened, what was expected and found, what to do next.

The CLI prints `str(error)` as one sentence and exits with `error.exit_status`:
2 for bad input or usage, 3 for a tool or device that is missing or failed. Anything that is not a
`TinykitError` is our bug.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class TinykitError(Exception):
    """Base of all our errors.

    Args:
        what: what went wrong, one sentence without a final full stop.
        expected: what was looked for.
        found: what was there instead.
        next_step: what the user can do now.
        page: anchor in docs/troubleshooting.md, without the leading '#'.
        facts: machine-readable details for --json.
    """

    exit_status = 2

    def __init__(
        self,
        what: str,
        *,
        expected: object | None = None,
        found: object | None = None,
        next_step: str | None = None,
        page: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.found = found
        self.next_step = next_step
        self.page = page
        self.facts = facts or {}

    def __str__(self) -> str:
        text = self.what
        if self.expected is not None:
            text += f"; expected {self.expected}"
        if self.found is not None:
            text += f", found {self.found}" if self.expected is not None else f"; found {self.found}"
        text += "."
        if self.next_step:
            text += f" {self.next_step}" if self.next_step[-1] in ".?!" else f" {self.next_step}."
        if self.page:
            text += f" (More: tinykit explain {self.page})"
        return text

    def as_json(self) -> dict[str, Any]:
        """The error as the object that `--json` prints under "error"."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "expected": None if self.expected is None else str(self.expected),
            "found": None if self.found is None else str(self.found),
            "next_step": self.next_step,
            "page": self.page,
            **self.facts,
        }


# --- status 2: bad input or usage -----------------------------------------------------------------


class InputError(TinykitError):
    """Something that the user gave cannot be used."""


class UsageError(InputError):
    """The command line does not make sense."""


class RecipeError(InputError):
    """A recipe has an unknown key, a wrong type or a value out of range; says the line and the nearest key."""


class DataError(InputError):
    """A data set is NaN, of the wrong shape or type, unlabelled, or empty."""


class ModelError(InputError):
    """A model file is truncated, corrupt, or not a model at all."""


@dataclass(frozen=True)
class Problem:
    """One thing in a model that tinykit cannot compile.

    Attributes: `layer` the layer's name, `op` its TFLite operator name, `why` the reason, `fix` what to change.
    """

    layer: str
    op: str
    why: str
    fix: str


class UnsupportedModel(ModelError):
    """The model is sound, but holds operators or types that tinykit does not compile. Lists all of them at once."""

    def __init__(self, problems: list[Problem]) -> None:
        listed = "\n".join(f"  {p.layer} ({p.op}): {p.why}. {p.fix}" for p in problems)
        count = len(problems)
        super().__init__(
            f"{count} layer{'s' if count != 1 else ''} cannot be compiled:\n{listed}\nNothing was written",
            page="unsupported-operator",
            facts={"unsupported": [vars(p) for p in problems]},
        )
        self.problems = problems


class BoardError(InputError):
    """An unknown board or a board file that breaks the schema; names the nearest boards."""


class DoesNotFit(InputError):
    """The model needs more flash or RAM than the board has; says how much is missing and where it goes."""


class OutputError(InputError):
    """A result could not be written: no space, no permission, or a path that leaves the output folder."""


class WrongFirmware(InputError):
    """The device answers, but it runs another model or another protocol version than the one asked for."""


class WrongBoard(InputError):
    """What is plugged in is another board or chip than the one asked for; nothing was written."""


# --- status 3: a tool or a device is missing or failed --------------------------------------------


class EnvironmentFailure(TinykitError):
    """A tool or a device is missing or failed."""

    exit_status = 3


class ToolMissing(EnvironmentFailure):
    """A compiler, emulator, flasher or Python extra is not installed; says the install command."""


class ToolFailed(EnvironmentFailure):
    """A tool ran and failed; carries its command, its status and the end of its output."""


class DeviceError(EnvironmentFailure):
    """The device or its port is busy, gone, silent or talks nonsense."""


class PortError(DeviceError):
    """A serial port is missing, busy or not permitted."""


class LinkTimeout(DeviceError):
    """The device did not answer in time."""


class DeviceFault(DeviceError):
    """The firmware reported a fault (hard fault, stack overflow, watchdog), with PC and cause."""


class DeviceReset(DeviceError):
    """The device started anew on its own: what was written to it is lost."""


class DiskFull(EnvironmentFailure):
    """No space left while writing; nothing half-written was left."""


# --- status 130: the user's own wish ---------------------------------------------------------------


class Interrupted(TinykitError):
    """Ctrl-C."""

    exit_status = 130

    def __init__(self) -> None:
        super().__init__("interrupted; what was finished is kept", next_step="Run the same command to go on")
