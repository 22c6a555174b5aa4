"""The parts of NAME.c that follow from the steps: constants, specialised instances of kernels, and their calls."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tinykit.codegen import row_loops
from tinykit.codegen.ports import c_type
from tinykit.codegen.text import comment, unique
from tinykit.graph.model import Graph
from tinykit.graph.names import c_identifier
from tinykit.kernels.c_source import Kernel, Parameter, kernel
from tinykit.plan.instances import Instance as SharedKernel
from tinykit.plan.instances import Key, instances, key
from tinykit.plan.model import Call as KernelCall
from tinykit.plan.model import Constant, Plan, Pointer, Step
from tinykit.plan.state import state_offsets

_COLUMNS = 116
_INT32_MIN = -(1 << 31)
_INFINITY, _NAN = "INFINITY", "NAN"
FLASH = "TK_FLASH"
"""Marks a kernel's parameter that points to constants, see common.h."""


@dataclass(frozen=True)
class Array:
    """A `static const` array: its declaration without the initialiser, and the rows of the initialiser."""

    declaration: str
    rows: list[str]
    name: str = ""


@dataclass(frozen=True)
class Instance:
    """A kernel specialised for a shape: name, prototype parameters, assignments of the shape, and who uses it.

    `known` holds, by position, the arguments that need not be passed, as expressions.
    """

    name: str
    kernel: Kernel
    known: dict[int, str]
    parameters: str
    assignments: list[str]
    arguments: str
    users: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Call:
    """One step: its number, its comment, and the statements that run it (None for an alias).

    `function` and `body` are a function of its own that the statement calls, where the step needs one.
    """

    number: int
    comment: str
    statement: str | None
    function: str = ""
    body: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """What sets a state to its first values: its place and size in bytes, and the byte that fills it or an array."""

    offset: int
    size: int
    fill: int | None
    array: Array | None


@dataclass(frozen=True)
class Program:
    """All of a plan's parts, in order."""

    arrays: list[Array]
    instances: list[Instance]
    calls: list[Call]
    sources: list[str]
    states: list[State]

    @property
    def constants_need_math(self) -> bool:
        """Whether a float has no literal, but a name in math.h."""
        return any(name in row for array in self.arrays for row in array.rows for name in (_INFINITY, _NAN))


class Writer:
    """Walks the steps; equal constants become one array, equal kernels with equal shapes one instance."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arena = f"{plan.graph.name}_arena"
        self._taken: set[str] = {self._arena}
        self._states = state_offsets(plan.graph)
        self._arrays: dict[tuple[str, bytes], tuple[str, int]] = {}
        self._written: dict[str, Array] = {}
        self._shared = instances(plan.steps)
        self._instances: dict[Key, Instance] = {}

    def program(self) -> Program:
        """Everything."""
        calls = [self._call(number, step) for number, step in enumerate(self._plan.steps)]
        sources: list[str] = []
        for instance in self._instances.values():
            sources += [s for s in instance.kernel.sources if s not in sources]
        if any(step.stages for step in self._plan.steps):
            sources += [s for s in kernel(row_loops.SOURCE).sources if s not in sources]
        return Program(
            list(self._written.values()), list(self._instances.values()), calls, sources, self._first_states()
        )

    def _first_states(self) -> list[State]:
        found = []
        for tensor in self._plan.graph.states:
            assert tensor.initial is not None
            raw = np.ascontiguousarray(tensor.initial).view(np.uint8).reshape(-1)
            is_even = bool((raw == raw[0]).all())
            name = unique(f"{c_identifier(tensor.name)}_first", self._taken)
            array = None if is_even else Array(f"static const uint8_t {name}[{raw.size}]", rows(raw), name)
            found.append(State(self._states[tensor.index], raw.size, int(raw[0]) if is_even else None, array))
        return found

    def _call(self, number: int, step: Step) -> Call:
        note = f"Step {number}: {comment(step.name)}, {describe(self._plan.graph, step)}"
        if step.stages:
            return self._rows_call(number, step, note)

        def locate(pointer: Pointer, pointer_type: str) -> str:
            if pointer.kind == "state":
                offset = self._states[step.states[pointer.index]]
                return row_loops.cast(f"{self._plan.graph.name}_state + {offset}", pointer_type)
            return row_loops.cast(f"{self._arena} + {self._offset(step, number, pointer)}", pointer_type)

        statements = [self._statement(step, call, locate) for call in step.calls]
        return Call(number, note, "\n    ".join(statements) or None)

    def _rows_call(self, number: int, step: Step, note: str) -> Call:
        """A step of several stages: a function with their loops."""
        places = row_loops.Places(
            self._arena,
            tuple(self._offset(step, number, Pointer("input", k)) for k in range(len(step.inputs))),
            self._offset(step, number, Pointer("output")),
            self._offset(step, number, Pointer("scratch")) if step.scratch else 0,
        )
        function = unique(f"{self._plan.graph.name}_rows_{number}", self._taken)
        body = row_loops.row_loops(step, places, self._statement)
        return Call(number, note, f"{function}();", function, tuple(body))

    def _statement(self, step: Step, call: KernelCall, locate: row_loops.Locate) -> str:
        instance = self._instance(call)
        user = comment(step.name)
        if user not in instance.users:
            instance.users.append(user)
        arguments = [
            self._argument(step, parameter, argument, locate)
            for k, (parameter, argument) in enumerate(zip(instance.kernel.parameters, call.arguments, strict=True))
            if k not in instance.known
        ]
        return f"{instance.name}({', '.join(arguments)});"

    def _argument(
        self, step: Step, parameter: Parameter, argument: Pointer | Constant | int, locate: row_loops.Locate
    ) -> str:
        if isinstance(argument, Pointer):
            return locate(argument, parameter.type)
        if isinstance(argument, Constant):
            return self._array(step, argument, parameter)
        return integer(int(argument))

    def _offset(self, step: Step, number: int, pointer: Pointer) -> int:
        if pointer.kind == "scratch":
            return next(b.offset for b in self._plan.buffers if b.tensor is None and b.first == number)
        tensors = step.inputs if pointer.kind == "input" else step.outputs
        return self._plan.buffer(tensors[pointer.index]).offset

    def _array(self, step: Step, constant: Constant, parameter: Parameter) -> str:
        """The name of the array with these values in the parameter's address space, written at its first use."""
        data = np.ascontiguousarray(constant.data)
        space = f"{FLASH} " if FLASH in parameter.type else ""
        key = (f"{space}{data.dtype.name}", data.tobytes())
        known = self._arrays.get(key)
        name, alignment = known or (unique(f"{c_identifier(step.name)}_{constant.role}", self._taken), 0)
        if constant.alignment > alignment:
            self._arrays[key] = (name, constant.alignment)
            aligned = f" TK_ALIGNED({constant.alignment})" if constant.alignment > data.dtype.itemsize else ""
            declaration = f"static const {space}{c_type(data.dtype.name)} {name}[{data.size}]{aligned}"
            self._written[name] = Array(declaration, rows(data))
        return name

    def _instance(self, call: KernelCall) -> Instance:
        shared = key(call)
        if shared not in self._instances:
            self._instances[shared] = self._new_instance(call)
        return self._instances[shared]

    def _new_instance(self, call: KernelCall) -> Instance:
        found = kernel(call.function)
        number = 1 + sum(i.kernel.function == call.function for i in self._instances.values())
        known = _known(found, self._shared[key(call)])
        assignments = []
        for member, value in call.shape.items():
            if isinstance(value, tuple):
                assignments += [f"s.{member}[{k}] = {v};" for k, v in enumerate(value)]
            else:
                assignments.append(f"s.{member} = {value};")
        return Instance(
            name=unique(f"{call.function}_{number}", self._taken),
            kernel=found,
            known=known,
            parameters=", ".join(_declared(p) for k, p in enumerate(found.parameters) if k not in known) or "void",
            assignments=assignments,
            arguments=", ".join(known.get(k, p.name) for k, p in enumerate(found.parameters)),
        )


def _known(found: Kernel, shared: SharedKernel) -> dict[int, str]:
    """What need not be passed: numbers, and names of parameters that are always equal."""
    numbers = {k: integer(value) for k, value in shared.fixed.items()}
    return numbers | {k: found.parameters[twin].name for k, twin in shared.twins.items()}


def _declared(parameter: Parameter) -> str:
    return f"{parameter.type}{'' if parameter.type.endswith('*') else ' '}{parameter.name}"


def describe(graph: Graph, step: Step) -> str:
    """A step's operator and shapes: "CONV_2D 1x49x10x1 -> 1x25x5x64"."""
    sides = (
        " + ".join("x".join(str(n) for n in graph.tensor(i).shape) for i in side)
        for side in (step.inputs, step.outputs)
    )
    return f"{comment(step.op)} {' -> '.join(sides)}"


def integer(value: int) -> str:
    """A C literal of an int32; the least one has no literal of its own."""
    return "INT32_MIN" if value == _INT32_MIN else str(value)


def rows(data: np.ndarray) -> list[str]:
    """The initialiser of an array, in lines of at most 120 columns."""
    values = data.reshape(-1).tolist()
    if data.dtype.kind == "f":
        texts = [_real(v) for v in values]
    elif data.dtype == np.int32:
        texts = [integer(v) for v in values]
    else:
        texts = [str(v) for v in values]
    width = max(map(len, texts), default=1) + 2
    step = max(_COLUMNS // width, 1)
    return [", ".join(texts[i : i + step]) for i in range(0, len(texts), step)]


def _real(value: float) -> str:
    """A float literal that reads back as the same float32 (9 significant digits do); what has none is of math.h."""
    if not math.isfinite(value):
        return _NAN if math.isnan(value) else _INFINITY if value > 0 else f"-{_INFINITY}"
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
