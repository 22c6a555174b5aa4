"""Operands that broadcast against each other: loops, strides and pointers, for every kernel over `broadcast.h`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.graph.broadcast import LARGEST_RANK
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels.steps import Argument
from tinykit.plan.model import Constant, Overlap, Pointer

TYPES = {"int8": 0, "uint8": 1, "bool": 1, "int16": 2, "int32": 3}
"""Numbers of the integer types in `values.h`."""

ARITHMETIC = ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM")
"""Operations of `broadcast.h`, by number."""

_STRIDES = ("first_strides", "second_strides", "third_strides")


@dataclass(frozen=True, eq=False)
class Operands:
    """The operands of one operator.

    Attributes: `shape` the kernel's loops and strides; `places` its pointers, operands then output; `inputs` the arena
    tensors among them; `overlaps` which of those the output may replace.
    """

    shape: dict[str, int | tuple[int, ...]]
    places: list[Argument]
    inputs: tuple[int, ...]
    overlaps: tuple[Overlap, ...]


def operands(graph: Graph, operator: Operator) -> Operands:
    """How a kernel walks over all inputs of `operator` and its output."""
    tensors = [graph.tensor(i) for i in operator.inputs]
    y = graph.tensor(operator.outputs[0])
    sizes, strides = collapse(y.shape, [t.shape for t in tensors])
    inputs = tuple(dict.fromkeys(t.index for t in tensors if not t.is_constant))
    return Operands(
        {"sizes": sizes, **dict(zip(_STRIDES, strides, strict=False))},
        [*(_place(t, inputs) for t in tensors), Pointer("output")],
        inputs,
        tuple(Overlap(k, 0, 0) for k, i in enumerate(inputs) if _in_place(graph.tensor(i), y)),
    )


def _place(tensor: Tensor, inputs: tuple[int, ...]) -> Argument:
    if tensor.data is None:
        return Pointer("input", inputs.index(tensor.index))
    data = tensor.data.astype(np.uint8) if tensor.dtype == "bool" else np.asarray(tensor.data)
    return Constant("operand", data, data.dtype.itemsize)


def _in_place(x: Tensor, y: Tensor) -> bool:
    """Each value is read once, before anything is written over it: the same type, or single bytes behind the reads."""
    return x.elements == y.elements and (x.dtype == y.dtype or y.nbytes == y.elements)


def collapse(shape: tuple[int, ...], operands: list[tuple[int, ...]]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Loop sizes (LARGEST_RANK of them, outermost first) and each operand's strides, 0 where it is broadcast.

    Dimensions that broadcast alike are one loop.
    """
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
