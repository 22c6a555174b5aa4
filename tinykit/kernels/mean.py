"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY and REDUCE_ALL over any axes in portable C."""

from __future__ import annotations

import math

import numpy as np

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.arithmetic import mean_multiplier, quantize_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, Argument, make_step, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LOOPS = 3
"""Loops of each kind in the kernel."""


@lowering("MEAN", "SUM")
def lower_sum(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Kept dimensions around reduced ones; neighbours of one kind are one loop."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype == "float32":
        return []
    count = math.prod(x.shape[a] for a in operator.options.axes)
    if operator.op == "MEAN":
        multiplier, shift = mean_multiplier(scale(x), scale(y), count)
    else:
        multiplier, shift = quantize_multiplier(scale(x) / scale(y))
    arguments: list[Argument] = [-zero_point(x) * count, multiplier, -shift, zero_point(y)]
    if x.dtype == "int8":
        return [_step(graph, operator, target, "tk_mean", arguments, kind={})]
    return [_step(graph, operator, target, "tk_sum_int16", arguments, kind={"is_maximum": 0, "is_minimum": 0})]


@lowering("REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL")
def lower_extreme(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """The same loops. A bool is a byte, 0 or 1: whether any is true is the greatest, whether all are is the least."""
    x = graph.tensor(operator.inputs[0])
    if x.dtype == "float32":
        return []
    function = "tk_reduce_extreme_int16" if x.dtype == "int16" else "tk_reduce_extreme"
    return [_step(graph, operator, target, function, [], kind=_kind(operator))]


@lowering("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
def lower_float(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """In TFLM's order, so that every rounding is the same."""
    x = graph.tensor(operator.inputs[0])
    if x.dtype != "float32":
        return []
    most = float(np.finfo(np.float32).max)
    start = {"REDUCE_MAX": -most, "REDUCE_MIN": most}.get(operator.op, 0.0)
    count = math.prod(x.shape[a] for a in operator.options.axes) if operator.op == "MEAN" else 1
    bounds = Constant("start", np.array([start, count], np.float32), 4)
    return [_step(graph, operator, target, "tk_reduce_float", [bounds], kind=_kind(operator))]


def _kind(operator: Operator) -> dict[str, int]:
    is_maximum, is_minimum = operator.op in ("REDUCE_MAX", "REDUCE_ANY"), operator.op in ("REDUCE_MIN", "REDUCE_ALL")
    return {"is_maximum": int(is_maximum), "is_minimum": int(is_minimum)}


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    arguments: list[Argument],
    *,
    kind: dict[str, int],
) -> Step:
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
                    "Reduce over neighbouring axes, or in two layers",
                )
            ]
        )
    shape: dict[str, int | tuple[int, ...]] = {
        "kept": tuple(n for n, _ in _filled(kept)),
        "kept_strides": tuple(s for _, s in _filled(kept)),
        "reduced": tuple(n for n, _ in _filled(reduced)),
        "reduced_strides": tuple(s for _, s in _filled(reduced)),
        **kind,
    }
    arguments = [INPUT, OUTPUT, *arguments]
    return make_step(operator, target, function, shape, arguments, reads=x.elements, outputs=y.elements)


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
