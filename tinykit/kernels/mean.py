"""MEAN over any axes in portable C."""

from __future__ import annotations

import math

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.arithmetic import mean_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, scale, zero_point
from tinykit.plan.model import Step
from tinykit.targets import Target

LOOPS = 3
"""Loops of each kind in the kernel."""


@lowering("MEAN")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Kept dimensions around reduced ones; neighbours of one kind are one loop."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    axes = operator.options.axes
    kept, reduced = _loops(x.shape, axes)
    if max(len(kept), len(reduced)) > LOOPS:
        raise UnsupportedModel(
            [
                Problem(
                    operator.name,
                    operator.op,
                    f"axes {axes} of shape {x.shape} alternate too often",
                    "Average over neighbouring axes, or in two layers",
                )
            ]
        )
    count = math.prod(x.shape[a] for a in axes)
    multiplier, shift = mean_multiplier(scale(x), scale(y), count)
    return [
        make_step(
            operator,
            target,
            "tk_mean",
            {
                "kept": tuple(n for n, _ in _filled(kept)),
                "kept_strides": tuple(s for _, s in _filled(kept)),
                "reduced": tuple(n for n, _ in _filled(reduced)),
                "reduced_strides": tuple(s for _, s in _filled(reduced)),
            },
            [INPUT, OUTPUT, -zero_point(x) * count, multiplier, -shift, zero_point(y)],
            reads=x.elements,
            outputs=y.elements,
        )
    ]


def _loops(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(size, stride) of kept and of reduced loops, outermost first."""
    loops: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    stride, last = 1, None
    for axis in reversed(range(len(shape))):
        if shape[axis] == 1:
            continue
        kind = axis in axes
        if kind == last:
            size, first = loops[kind].pop(0)
            loops[kind].insert(0, (size * shape[axis], first))
        else:
            loops[kind].insert(0, (shape[axis], stride))
        last = kind
        stride *= shape[axis]
    return loops


def _filled(loops: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(1, 0)] * (LOOPS - len(loops)) + loops
