"""Finds the lowering of every operator: each module of this package that marks a function with `@lowering`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.model import Graph, Operator
from tinykit.plan.model import Step
from tinykit.targets import Target

Lowering = Callable[[Graph, Operator, Target], list[Step]]

_LOWERINGS: dict[str, list[Lowering]] = {}


def lowering(*ops: str) -> Callable[[Lowering], Lowering]:
    """Register a function that offers steps for these TFLite operators; it may offer none for some."""

    def register(function: Lowering) -> Lowering:
        for op in ops:
            _LOWERINGS.setdefault(op, []).append(function)
        return function

    return register


@functools.cache
def _load() -> None:
    for module in sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])):
        importlib.import_module(f"tinykit.kernels.{module}")


def operators() -> tuple[str, ...]:
    """The operators that have a kernel, by name."""
    _load()
    return tuple(sorted(_LOWERINGS))


def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """The ways to compute one operator, at least one; their costs are predicted for `target`.

    The graph must have passed `graph.support.require_supported`.

    Raises: UnsupportedModel where no kernel computes it exactly.
    """
    _load()
    found = [step for offer in _LOWERINGS.get(operator.op, []) for step in offer(graph, operator, target)]
    if not found:
        raise UnsupportedModel(
            [Problem(operator.name, operator.op, "no kernel computes it", "Replace the layer by a supported one")]
        )
    return found
