"""ADD with broadcast in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_range, add_multipliers
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.add import LARGEST_RANK
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import Argument, make_step, scale, zero_point
from tinykit.plan.model import Constant, Overlap, Pointer, Step
from tinykit.targets import Target

ONE_HALF = (1 << 30, 0)
"""The multiplier of the operand with the larger scale: a shift does it exactly."""


@lowering("ADD")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time; dimensions that broadcast alike are one loop."""
    operands = [graph.tensor(i) for i in operator.inputs]
    y = graph.tensor(operator.outputs[0])
    *scales, (multiplier, shift) = add_multipliers(scale(operands[0]), scale(operands[1]), scale(y))
    sizes, strides = collapse(y.shape, [t.shape for t in operands])
    inputs = tuple(t.index for t in operands if not t.is_constant)
    places: list[Argument] = []
    for tensor in operands:
        place = Pointer("input", inputs.index(tensor.index)) if not tensor.is_constant else None
        places.append(place or Constant("operand", np.asarray(tensor.data)))
    low, high = activation_range(operator.options.activation, scale(y), zero_point(y), y.dtype)
    return [
        make_step(
            operator,
            target,
            "tk_add",
            {
                "sizes": sizes,
                "first_strides": strides[0],
                "second_strides": strides[1],
                "first_is_half": int(scales[0] == ONE_HALF),
                "second_is_half": int(scales[1] == ONE_HALF),
                "down": int(shift <= -1),
            },
            [
                *places,
                Pointer("output"),
                *(zero_point(operands[0]), scales[0][0], -scales[0][1]),
                *(zero_point(operands[1]), scales[1][0], -scales[1][1]),
                *(multiplier, -shift, zero_point(y), low, high),
            ],
            inputs=tuple(dict.fromkeys(inputs)),
            outputs=y.elements,
            overlaps=tuple(
                Overlap(i, 0, 0)
                for i, index in enumerate(dict.fromkeys(inputs))
                if graph.tensor(index).elements == y.elements
            ),
        )
    ]


def collapse(shape: tuple[int, ...], operands: list[tuple[int, ...]]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Loop sizes (LARGEST_RANK of them, outermost first) and each operand's strides, 0 where it is broadcast."""
    padded = [(1,) * (len(shape) - len(o)) + o for o in operands]
    loops: list[tuple[int, tuple[bool, ...]]] = []
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        moves = tuple(p[axis] != 1 for p in padded)
        if loops and loops[-1][1] == moves:
            loops[-1] = (loops[-1][0] * size, moves)
        else:
            loops.append((size, moves))
    loops = [(1, (False,) * len(operands))] * (LARGEST_RANK - len(loops)) + loops
    strides = []
    for k in range(len(operands)):
        reach = 1
        own: list[int] = []
        for size, moves in reversed(loops):
            own.insert(0, reach if moves[k] else 0)
            reach *= size if moves[k] else 1
        strides.append(tuple(own))
    return tuple(size for size, _ in loops), strides
