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
_BY_TYPE: dict[tuple[str, str], list[Lowering]] = {}


def lowering(*ops: str, dtype: str | None = None) -> Callable[[Lowering], Lowering]:
    """Register a function that offers steps for these TFLite operators; it may offer none for some.

    With a `dtype` it is asked for operators whose first input is of that type, and those without one are not.
    """

    def register(function: Lowering) -> Lowering:
        for op in ops:
            offers = _LOWERINGS.setdefault(op, []) if dtype is None else _BY_TYPE.setdefault((op, dtype), [])
            offers.append(function)
        return function

    return register


@functools.cache
def _load() -> None:
    for module in sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])):
        importlib.import_module(f"tinykit.kernels.{module}")


def operators() -> tuple[str, ...]:
    """The operators that have a kernel, by name."""
    _load()
    return tuple(sorted({*_LOWERINGS, *(op for op, _ in _BY_TYPE)}))


def offers(op: str) -> tuple[Lowering, ...]:
    """Every lowering of an operator, of whatever type."""
    _load()
    typed = [offer for (name, _), found in sorted(_BY_TYPE.items()) for offer in found if name == op]
    return (*_LOWERINGS.get(op, ()), *typed)


def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """The ways to compute one operator, at least one; their costs are predicted for `target`.

    The graph must have passed `graph.support.require_supported`.

    Raises: UnsupportedModel where no kernel computes it exactly.
    """
    _load()
    found = [step for offer in _offers(graph, operator) for step in offer(graph, operator, target)]
    if not found:
        raise UnsupportedModel(
            [Problem(operator.name, operator.op, "no kernel computes it", "Replace the layer by a supported one")]
        )
    return found


def _offers(graph: Graph, operator: Operator) -> list[Lowering]:
    first = graph.tensor(operator.inputs[0]).dtype if operator.inputs and operator.inputs[0] >= 0 else ""
    return _BY_TYPE.get((operator.op, first)) or _LOWERINGS.get(operator.op, [])
