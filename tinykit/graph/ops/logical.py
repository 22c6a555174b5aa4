"""LOGICAL_AND and LOGICAL_OR of two bool tensors, broadcast as numpy does; LOGICAL_NOT of one."""

from __future__ import annotations

from tinykit.graph.broadcast import inspect_shapes
from tinykit.graph.definition import Definition, Inspection, no_options


def inspect(inspection: Inspection) -> None:
    if inspect_shapes(inspection):
        _all_bool(inspection)


def inspect_not(inspection: Inspection) -> None:
    if inspection.arity(1, 1):
        inspection.shape(inspection.output, inspection.input.shape)
        _all_bool(inspection)


def _all_bool(inspection: Inspection) -> None:
    for tensor in (*inspection.inputs, inspection.output):
        assert tensor is not None
        inspection.dtype(tensor, "bool")


DEFINITIONS = (
    Definition("LOGICAL_AND", None, no_options, inspect),
    Definition("LOGICAL_OR", None, no_options, inspect),
    Definition("LOGICAL_NOT", None, no_options, inspect_not),
)
