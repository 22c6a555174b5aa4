"""Every operator that only moves values, by two kernels: a strided copy, and a fill.

What moves where is the operator's own description (`Definition.moves`), given as pairs of numpy views. Their strides
are the loops of the copy; nothing is computed on the device. Where a view is a run of its tensor's bytes, no code is
needed at all: the one tensor may lie inside the other (`Place`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.model import NO_TENSOR, Graph, Operator
from tinykit.graph.ops import REGISTRY
from tinykit.kernels import estimate
from tinykit.kernels.c_source import kernel
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import Argument
from tinykit.plan.model import Call, Constant, Place, Pointer, Step
from tinykit.targets import Target

LOOPS = 8
"""Loops of the kernel."""

OPERATORS = tuple(op for op, definition in REGISTRY.items() if definition.moves is not None)

LARGEST_STACK = 64


@dataclass(frozen=True, eq=False)
class View:
    """A numpy view of a tensor: which `tensor` (None for values of the operator's own), at which byte it starts, the
    `array` itself, and the whole tensor's `base`."""

    tensor: int | None
    start: int
    array: np.ndarray
    base: np.ndarray

    @property
    def is_run(self) -> bool:
        """Whether it is the bytes from `start` on, in order."""
        return self.tensor is not None and all(
            n == 1 or stride == reach
            for n, stride, reach in zip(self.array.shape, self.array.strides, _packed(self.array), strict=True)
        )


@dataclass(frozen=True, eq=False)
class Move:
    """A copy of `source` to `target`, views of equal shape."""

    target: View
    source: View


@lowering(*OPERATORS)
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """With as little code as the places allow, and, where tensors would have to lie inside others, by copies too."""
    moves = describe(graph, operator)
    places = _places(graph, operator, moves)
    steps = [_step(graph, operator, target, moves, places)] if places else []
    if not any(_is_whole(graph, place) for place in places.values()):
        steps.append(_step(graph, operator, target, moves, {}))
    return steps


def describe(graph: Graph, operator: Operator) -> list[Move]:
    """The copies that make up the operator, in order. No tensor's memory is touched, nor is it needed."""
    moves = REGISTRY[operator.op].moves
    assert moves is not None
    inputs = [_stand_in(graph, i) for i in operator.inputs]
    outputs = [_stand_in(graph, i) for i in operator.outputs]
    bases = [*zip(operator.inputs, inputs, strict=True), *zip(operator.outputs, outputs, strict=True)]
    return [Move(_view(y, bases), _view(x, bases)) for y, x in moves(operator.options, inputs, outputs)]


def _stand_in(graph: Graph, index: int) -> np.ndarray:
    """The tensor's constant values, or memory of its size that nobody reads or writes."""
    if index == NO_TENSOR:
        return np.empty(0, np.int8)
    tensor = graph.tensor(index)
    if tensor.data is None:
        return np.empty(tensor.shape, tensor.dtype)
    return np.ascontiguousarray(tensor.data).reshape(tensor.shape)  # Of a scalar it makes an array of one axis.


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _view(array: np.ndarray, bases: list[tuple[int, np.ndarray]]) -> View:
    at = _address(array)
    for index, base in bases:
        if index != NO_TENSOR and 0 <= at - _address(base) < base.nbytes:
            return View(index, at - _address(base), array, base)
    return View(None, 0, array, array)


def _packed(array: np.ndarray) -> tuple[int, ...]:
    """The strides of an array of this shape without gaps."""
    return tuple(array.itemsize * math.prod(array.shape[k + 1 :]) for k in range(array.ndim))


# --- places ---------------------------------------------------------------------------------------


def _places(graph: Graph, operator: Operator, moves: list[Move]) -> dict[int, Place]:
    """By number of the move, the copies that are not needed where one tensor lies inside another.

    None where an operator writes some bytes twice or reads its own output.
    """
    found: dict[int, Place] = {}
    if all(m.source.tensor in operator.inputs for m in moves):
        for k, move in enumerate(moves):
            place = _place(graph, move)
            if place is not None and place.inner not in [p.inner for p in found.values()]:
                found[k] = place
    return found


def _place(graph: Graph, move: Move) -> Place | None:
    """How one tensor can lie inside the other so that this copy is not needed; None where it cannot."""
    x, y = move.source, move.target
    if x.tensor is None or y.tensor is None or graph.tensor(x.tensor).is_constant or not (x.is_run and y.is_run):
        return None
    width = max(4, x.array.itemsize)
    size = x.array.nbytes
    if graph.tensor(y.tensor).nbytes == size and x.start % width == 0:
        return Place(y.tensor, x.tensor, x.start)
    if graph.tensor(x.tensor).nbytes == size and y.start % width == 0:
        return Place(x.tensor, y.tensor, y.start)
    return None


def _is_whole(graph: Graph, place: Place) -> bool:
    """Whether both tensors are the same bytes: then nothing speaks for a copy."""
    return graph.tensor(place.inner).nbytes == graph.tensor(place.outer).nbytes


# --- copies ---------------------------------------------------------------------------------------


def _step(graph: Graph, operator: Operator, target: Target, moves: list[Move], places: dict[int, Place]) -> Step:
    inputs = tuple(dict.fromkeys(i for i in operator.inputs if i != NO_TENSOR and not graph.tensor(i).is_constant))
    read = {m.source.tensor for m in moves}
    inputs = tuple(i for i in inputs if i in read)
    copied = [move for k, move in enumerate(moves) if k not in places]
    calls = [_call(operator, inputs, move) for move in copied]
    return Step(
        name=operator.name,
        op=operator.op,
        kernel=calls[-1].function.removeprefix("tk_") if calls else "alias",
        function=calls[0].function if calls else "",
        sources=kernel("tk_copy").sources if calls else (),
        shape=calls[0].shape if calls else {},
        arguments=calls[0].arguments if calls else (),
        inputs=inputs,
        outputs=operator.outputs,
        alias=not calls,
        instructions=sum(_instructions(target, call) for call in calls),
        code_bytes=calls[0].code_bytes if calls else 0,
        library=tuple({"tk_fill": "memset", "tk_copy": "memcpy"}[c.function] for c in calls),
        stack=LARGEST_STACK if calls else 0,
        places=tuple(places.values()),
        then=tuple(calls[1:]),
    )


def _call(operator: Operator, inputs: tuple[int, ...], move: Move) -> Call:
    x, y = move.source, move.target
    byte = _repeated_byte(x)
    if byte is not None and y.is_run:
        return _make("tk_fill", {"bytes": y.array.nbytes}, [_pointer(operator, inputs, y), byte])
    loops, run = collapse(x.array, y.array)
    if len(loops) > LOOPS:
        why = f"its copy takes {len(loops)} nested loops, more than {LOOPS}"
        raise UnsupportedModel([Problem(operator.name, operator.op, why, "Reshape before and after it")])
    sizes, sources, targets = zip(*[(1, 0, 0)] * (LOOPS - len(loops)), *loops, strict=True)
    shape: dict[str, int | tuple[int, ...]] = {"sizes": sizes, "from": sources, "to": targets, "run": run}
    arguments = [_pointer(operator, inputs, x), _pointer(operator, inputs, y), x.start, y.start]
    return _make("tk_copy", shape, arguments)


def _make(function: str, shape: dict[str, int | tuple[int, ...]], arguments: list[Argument]) -> Call:
    return Call(function, kernel(function).sources, shape, tuple(arguments), estimate.code_bytes(function))


def _pointer(operator: Operator, inputs: tuple[int, ...], view: View) -> Argument:
    if view.tensor in operator.outputs:
        return Pointer("output", operator.outputs.index(view.tensor))
    if view.tensor in inputs:
        return Pointer("input", inputs.index(view.tensor))
    base = view.base
    values = base[(0,) * base.ndim] if not any(base.strides) else base
    return Constant("values", np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8))


def _repeated_byte(x: View) -> int | None:
    """The byte that a source of the kernel's own consists of, as memset takes it; None where there are several."""
    if x.tensor is not None or any(x.array.strides):
        return None
    found = set(x.array[(0,) * x.array.ndim].tobytes())
    return found.pop() if len(found) == 1 else None


def collapse(x: np.ndarray, y: np.ndarray) -> tuple[list[tuple[int, int, int]], int]:
    """The fewest loops that copy `x` to `y`: (size, bytes from one to the next in x, in y), outermost first; then the
    bytes that lie side by side in both and are copied at once."""
    loops: list[tuple[int, int, int]] = []
    run = x.itemsize
    for size, source, target in reversed(list(zip(x.shape, x.strides, y.strides, strict=True))):
        if size == 1:
            continue
        inner = loops[0] if loops else None
        if inner is None and source == target == run:
            run *= size
        elif inner is not None and source == inner[0] * inner[1] and target == inner[0] * inner[2]:
            loops[0] = (inner[0] * size, inner[1], inner[2])
        else:
            loops.insert(0, (size, source, target))
    return loops, run


def _instructions(target: Target, call: Call) -> int:
    shape = {name: np.prod(value, dtype=np.int64).item() for name, value in call.shape.items()}
    if call.function == "tk_fill":
        return estimate.instructions(target, "tk_fill", 0, shape["bytes"])
    return estimate.instructions(target, "tk_copy", shape["sizes"], shape["sizes"] * shape["run"])
