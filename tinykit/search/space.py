"""What may be tried: layers in words with choices in braces, such as "conv {8|16|24} {3x3|5x5} relu".

A choice may be empty, and a layer of which nothing is left is left out: "{|depthwise 3x3 relu}" makes depth a choice.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

from tinykit.errors import RecipeError

_CHOICE = re.compile(r"\{([^{}]*)\}")
_MOST = 256
"""Readings of one line that are checked at most; a line with more is refused."""


def choices(line: str) -> list[tuple[str, ...]]:
    """The options of each choice in a line, in order.

    Raises: RecipeError for braces that do not match, or too many readings.
    """
    found = [tuple(option.strip() for option in match[1].split("|")) for match in _CHOICE.finditer(line)]
    if any(brace in _CHOICE.sub("", line) for brace in "{}"):
        raise RecipeError(f"the braces of {line!r} do not match", expected="choices such as {8|16|24}")
    readings = 1
    for options in found:
        readings *= len(options)
    if readings > _MOST:
        raise RecipeError(f"{line!r} can be read in {readings} ways", expected=f"at most {_MOST}")
    return found


def fill(line: str, chosen: tuple[str, ...]) -> str:
    """The line with its choices made; empty where nothing is left."""
    remaining = iter(chosen)
    return " ".join(_CHOICE.sub(lambda _: next(remaining), line).split())


def readings(line: str) -> Iterator[str]:
    """Every way to read a line, the empty one left out. Raises: as `choices`."""
    for chosen in itertools.product(*choices(line)):
        if text := fill(line, chosen):
            yield text


def sample(lines: tuple[str, ...], suggest: Callable[[str, tuple[str, ...]], str]) -> tuple[str, ...]:
    """The layers for which `suggest(name, options)` makes every choice; layers that became empty are left out."""
    layers = []
    for number, line in enumerate(lines, 1):
        chosen = tuple(
            suggest(f"layer {number}, choice {place}", options) for place, options in enumerate(choices(line), 1)
        )
        layers.append(fill(line, chosen))
    return tuple(layer for layer in layers if layer)
