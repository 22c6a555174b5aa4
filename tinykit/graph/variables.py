"""Resource variables: what VAR_HANDLE names, READ_VARIABLE and ASSIGN_VARIABLE use, and CALL_ONCE sets at first.

In the file they are known by name and reached through tensors of type resource; in a `Graph` each is a state, a tensor
that its readers and writers have as their first input. VAR_HANDLE and CALL_ONCE are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinykit.errors import ModelError
from tinykit.graph.flatbuffer import REPAIR
from tinykit.graph.model import Operator, Quantization, Tensor

Key = tuple[str, str]
"""A variable's container and name."""

InitialValues = Callable[[int], "dict[Key, Tensor] | None"]
"""Number of a graph -> the constants that it assigns; None where it does anything else."""

HANDLE, READ, ASSIGN, ONCE = "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"


def cleared(shape: tuple[int, ...], dtype: str, quantization: Quantization | None) -> np.ndarray:
    """A state's values before anything wrote it, as TFLM has them: all bytes 0, or the zero point.

    Sources: `MicroInterpreterGraph::ResetTensorData`, `MicroResourceVariables::Allocate`.
    """
    value = 0 if quantization is None else int(quantization.zero_points[0])
    return np.full(int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize, value & 0xFF, np.uint8).view(dtype)


def assigned(operators: tuple[Operator, ...], tensors: dict[int, Tensor]) -> dict[Key, Tensor] | None:
    """The constants that operators assign to variables; None where they do anything else."""
    handles = _handles(operators)
    found: dict[Key, Tensor] = {}
    for operator in operators:
        if operator.op == HANDLE:
            continue
        if operator.op != ASSIGN or len(operator.inputs) != 2 or operator.inputs[0] not in handles:
            return None
        value = tensors.get(operator.inputs[1])
        if value is None or value.data is None:
            return None
        found[handles[operator.inputs[0]]] = value
    return found


def resolve(
    operators: tuple[Operator, ...], tensors: dict[int, Tensor], initial_values: InitialValues
) -> tuple[tuple[Operator, ...], dict[int, Tensor]]:
    """Operators and tensors of the main graph with states in place of handles.

    A CALL_ONCE whose graph does more than assign constants, or that runs after variables are used, stays.

    Raises: ModelError for a variable that is read but never written, or that nothing names.
    """
    if not any(o.op in (HANDLE, READ, ASSIGN, ONCE) for o in operators):
        return operators, tensors
    variables = _Variables(operators, tensors)
    kept = []
    for operator in operators:
        if operator.op == ONCE and variables.preset(operator, initial_values):
            continue
        if operator.op != HANDLE:
            kept.append(variables.used(operator) if operator.op in (READ, ASSIGN) else operator)
    used = {i for o in kept for i in (*o.inputs, *o.outputs)}
    # Handles are gone; a tensor that only they named is of no use to anybody.
    left = {i: t for i, t in variables.tensors.items() if t.dtype != "resource" or i in used}
    return tuple(kept), left


def _handles(operators: tuple[Operator, ...]) -> dict[int, Key]:
    return {
        o.outputs[0]: (o.options.container, o.options.name) for o in operators if o.op == HANDLE and len(o.outputs) == 1
    }


class _Variables:
    """The variables of the main graph; states are made of them when they are first used."""

    def __init__(self, operators: tuple[Operator, ...], tensors: dict[int, Tensor]) -> None:
        self.tensors = dict(tensors)
        self._operators = operators
        self._handles = _handles(operators)
        self._states: dict[Key, int] = {}
        self._presets: dict[Key, Tensor] = {}
        self._is_preset = False

    def preset(self, once: Operator, initial_values: InitialValues) -> bool:
        """Take a CALL_ONCE's values as initial ones, if that is all it does and it is the first; models have one."""
        if self._states or self._is_preset or once.inputs or once.outputs:
            return False
        self._is_preset = True
        values = initial_values(once.options.subgraph)
        self._presets = values or {}
        return values is not None

    def used(self, operator: Operator) -> Operator:
        """READ_VARIABLE or ASSIGN_VARIABLE with the state in place of the handle.

        Every operator of a `Graph` has an output: that of an assignment is a byte that nobody reads.
        """
        key = self._handles.get(operator.inputs[0]) if operator.inputs else None
        if key is None:
            raise ModelError(f"a {operator.op} uses a variable that no VAR_HANDLE names", next_step=REPAIR)
        state = self._state(key)
        outputs = operator.outputs
        if operator.op == ASSIGN and not outputs:
            outputs = (self._add(Tensor(0, f"{self.tensors[state].name}_written", (1,), "int8")),)
        name = self.tensors[state].name if operator.op == ASSIGN else operator.name
        return replace(operator, name=name, inputs=(state, *operator.inputs[1:]), outputs=outputs)

    def _state(self, key: Key) -> int:
        if key not in self._states:
            writers = [
                o for o in self._operators if o.op == ASSIGN and self._handles.get(next(iter(o.inputs), -1)) == key
            ]
            values = [self.tensors[o.inputs[1]] for o in writers if len(o.inputs) == 2]
            values += [self._presets[key]] if key in self._presets else []
            if not values:
                raise ModelError(f"variable '{key[1]}' is read but never written", next_step=REPAIR)
            like, preset = values[0], self._presets.get(key)
            if preset is not None and (preset.dtype, preset.elements) != (like.dtype, like.elements):
                raise ModelError(f"variable '{key[1]}' is set to values of another type or number", next_step=REPAIR)
            initial = cleared(like.shape, like.dtype, like.quantization) if preset is None else preset.data
            assert initial is not None
            name = key[1] or "variable"
            made = Tensor(0, name, like.shape, like.dtype, like.quantization, initial=initial.reshape(-1))
            self._states[key] = self._add(made)
        return self._states[key]

    def _add(self, tensor: Tensor) -> int:
        index = 1 + max((*self.tensors, *(i for o in self._operators for i in (*o.inputs, *o.outputs))), default=0)
        self.tensors[index] = replace(tensor, index=index)
        return index
