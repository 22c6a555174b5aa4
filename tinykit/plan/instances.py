"""Which calls share a specialised kernel, and what that instance knows of its arguments.

    instances(steps) -> Instance, one for each function and shape, in order of first use

A number that all calls of an instance pass alike is written into the instance, and two that are always equal are passed
once: compilers find that out, but still pass them, on the stack from the fifth argument on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinykit.kernels.c_source import kernel
from tinykit.plan.model import Call, Constant, Pointer, Step

Key = tuple[str, tuple[tuple[str, object], ...]]
"""Function and shape of a kernel's instance."""


def key(call: Call) -> Key:
    """What calls of one instance have in common."""
    return call.function, tuple(sorted(call.shape.items()))


@dataclass(frozen=True, eq=False)
class Instance:
    """A kernel for one shape.

    Attributes:
        calls: all of them.
        fixed: the numbers that all calls pass alike, by the argument's position.
        twins: position -> an earlier position whose number is the same in every call.
    """

    calls: tuple[Call, ...]
    fixed: dict[int, int]
    twins: dict[int, int]

    @property
    def entry(self) -> str:
        """The kernel's name."""
        return self.calls[0].function

    @property
    def passed(self) -> int:
        """How many arguments its calls pass."""
        return len(self.calls[0].arguments) - len(self.fixed) - len(self.twins)

    @property
    def varying(self) -> int:
        """How many of those are numbers."""
        return self.passed - sum(isinstance(a, Pointer | Constant) for a in self.calls[0].arguments)

    @property
    def code_bytes(self) -> int:
        """Predicted, as the kernel's lowering said."""
        return self.calls[0].code_bytes


def instances(steps: Iterable[Step]) -> dict[Key, Instance]:
    """The instances that `steps` call."""
    calls: dict[Key, list[Call]] = {}
    for step in steps:
        for call in step.calls:
            calls.setdefault(key(call), []).append(call)
    return {k: _instance(found) for k, found in calls.items()}


def _instance(calls: Sequence[Call]) -> Instance:
    parameters = kernel(calls[0].function).parameters
    fixed: dict[int, int] = {}
    twins: dict[int, int] = {}
    first: dict[tuple[str, tuple[int, ...]], int] = {}
    for position, parameter in enumerate(parameters):
        passed = [call.arguments[position] for call in calls]
        numbers = tuple(int(a) for a in passed if not isinstance(a, Pointer | Constant))
        if len(numbers) < len(calls):
            continue
        if len(set(numbers)) == 1:
            fixed[position] = numbers[0]
        elif first.setdefault((parameter.type, numbers), position) != position:
            twins[position] = first[parameter.type, numbers]
    return Instance(tuple(calls), fixed, twins)
