"""Which kernel computes each operator: a question about the whole model.

Kernels share code: of several layers the first pays for it. So all layers are compared together, from several starts,
one layer or all layers of a kernel at a time, until nothing helps. What shall be least, instructions or flash, counts
most; the other decides where the first hardly differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinykit.plan.cost import code_bytes
from tinykit.plan.model import Step

Offers = Sequence[Sequence[Step]]
"""The ways to compute each operator, operators in order."""

EXCHANGE = 20
"""One percent of what shall be least is given for so many percent of the other."""

HARDLY = 32
"""For the least RAM, which may be what makes a model fit, only one part in so many is given for speed."""


def flash_bytes(steps: Sequence[Step]) -> int:
    """Predicted bytes of weights and code, what layers share counted once."""
    running = [step for step in steps if not step.alias]
    return sum(step.weight_bytes for step in running) + code_bytes(running)


def fastest(offers: Offers) -> tuple[Step, ...]:
    """The choice of least instructions, where what hardly takes more is not much smaller."""
    return _best(offers, _time)


def smallest(offers: Offers) -> tuple[Step, ...]:
    """The choice of least flash that is found, where what hardly takes more is not much faster."""
    return _best(offers, _size)


def relaxed(offers: Offers, lean: Sequence[Step], allowed: Callable[[Sequence[Step]], bool]) -> tuple[Step, ...]:
    """The choice `lean` with faster kernels wherever the result is `allowed`, the greatest gain first.

    Args: `lean` one of `offers` an operator, and allowed itself.
    """
    steps = list(lean)
    swaps = [
        (old.instructions - new.instructions, place, new)
        for place, (ways, old) in enumerate(zip(offers, lean, strict=True))
        for new in ways
        if new.instructions < old.instructions
    ]
    for _, place, new in sorted(swaps, key=lambda swap: (-swap[0], swap[1])):
        tried = [*steps[:place], new, *steps[place + 1 :]]
        if new.instructions < steps[place].instructions and allowed(tried):
            steps = tried
    return tuple(steps)


def _each(offers: Offers, key: Callable[[Step], int]) -> tuple[Step, ...]:
    return tuple(min(ways, key=key) for ways in offers)


def _size(steps: Sequence[Step]) -> float:
    return flash_bytes(steps) * _instructions(steps) ** (1 / EXCHANGE)


def _time(steps: Sequence[Step]) -> float:
    return _instructions(steps) * flash_bytes(steps) ** (1 / EXCHANGE)


def _instructions(steps: Sequence[Step]) -> int:
    return sum(step.instructions for step in steps) or 1


def _best(offers: Offers, worth: Callable[[Sequence[Step]], float]) -> tuple[Step, ...]:
    starts = [_each(offers, lambda step: step.instructions), _each(offers, lambda step: step.weight_bytes)]
    return min((_descended(offers, worth, start) for start in starts), key=worth)


def _descended(offers: Offers, worth: Callable[[Sequence[Step]], float], steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Changed as long as a change of one layer, or of all layers to one kernel, makes its worth less."""
    kernels = sorted({step.kernel for ways in offers for step in ways})
    while True:
        tried = [
            (*steps[:place], way, *steps[place + 1 :])
            for place, ways in enumerate(offers)
            for way in ways
            if way is not steps[place]
        ]
        tried += [tuple(_of(kernel, ways, old) for ways, old in zip(offers, steps, strict=True)) for kernel in kernels]
        best = min(tried, key=worth, default=steps)
        if worth(best) >= worth(steps):
            return steps
        steps = best


def _of(kernel: str, ways: Sequence[Step], old: Step) -> Step:
    return next((way for way in ways if way.kernel == kernel), old)
