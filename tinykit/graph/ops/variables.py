"""Resource variables: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE.

`graph.variables` resolves them while the file is read: what is left reads or writes a state, the first input.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Definition, Inspection, Operands, no_options
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import CALL_ONCE_OPTIONS, OPTIONS, VAR_HANDLE_OPTIONS


@dataclass(frozen=True)
class VarHandleOptions:
    """Options of VAR_HANDLE: the variable's `container` and `name`."""

    container: str = ""
    name: str = ""


@dataclass(frozen=True)
class CallOnceOptions:
    """Options of CALL_ONCE: the number of the `subgraph` that runs before the first inference."""

    subgraph: int = 0


def parse_handle(table: Table, _operands: Operands) -> VarHandleOptions:
    return VarHandleOptions(table.text(VAR_HANDLE_OPTIONS.container), table.text(VAR_HANDLE_OPTIONS.shared_name))


def parse_once(table: Table, _operands: Operands) -> CallOnceOptions:
    return CallOnceOptions(table.integer(CALL_ONCE_OPTIONS.subgraph, "i"))


def inspect_read(inspection: Inspection) -> None:
    if inspection.arity(1, 1) and inspection.state(inspection.input, "variable"):
        _same(inspection, inspection.output.dtype, inspection.output.elements)


def inspect_assign(inspection: Inspection) -> None:
    if inspection.arity(2, 2) and inspection.state(inspection.input, "variable"):
        value = inspection.inputs[1]
        assert value is not None
        if inspection.require(value.initial is None, "it assigns a variable to another"):
            _same(inspection, value.dtype, value.elements)


def _same(inspection: Inspection, dtype: str, elements: int) -> None:
    state = inspection.input
    inspection.require(
        (dtype, elements) == (state.dtype, state.elements),
        f"it takes {elements} values of {dtype} for a variable of {state.elements} of {state.dtype}",
    )


def inspect_unresolved(inspection: Inspection) -> None:
    """One that is still there does what cannot be done at compile time."""
    inspection.require(
        False,
        "it computes the first values of variables, or runs after they are used",
        "Initialise the variables with constants",
    )


DEFINITIONS = (
    Definition("VAR_HANDLE", OPTIONS.VAR_HANDLE, parse_handle, inspect_unresolved),
    Definition("CALL_ONCE", OPTIONS.CALL_ONCE, parse_once, inspect_unresolved),
    Definition("READ_VARIABLE", None, no_options, inspect_read, states=(0,), changes_states=False),
    Definition("ASSIGN_VARIABLE", None, no_options, inspect_assign, states=(0,)),
)
