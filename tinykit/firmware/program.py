"""What a firmware serves: a model's C, whichever engine made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinykit.plan.model import Cost, Plan


@dataclass(frozen=True)
class Program:
    """What a firmware serves.

    Attributes:
        interface: what codegen.emit.interface gives.
        sources: the model's own files by name; those ending in .c or .cpp are compiled.
        cost: predicted, for the room that the stack gets.
        engine: as the hello names it: "aot", or "tflm", which is linked with TFLM's library.
        steps: whether single steps and the arena can be looked at.
    """

    interface: Any
    sources: dict[str, str]
    cost: Cost
    engine: str = "aot"
    steps: bool = True


def program(plan: Plan) -> Program:
    """The program that a plan becomes: its generated C."""
    from tinykit.codegen import emit

    return Program(emit.interface(plan), emit.emit(plan), plan.cost)
