"""What of a model tinykit cannot compile, all of it at once, with what to do."""

from __future__ import annotations

from tinykit.errors import ModelError, Problem, UnsupportedModel
from tinykit.graph.definition import QUANTIZE_FIRST, Inspection
from tinykit.graph.model import NO_TENSOR, Graph, Operator, Tensor
from tinykit.graph.names import shown
from tinykit.graph.ops import REGISTRY

TENSOR_TYPES = ("int8", "int16", "int32", "int64", "uint8", "float32", "bool")

FIXES = {
    "WHILE": "Convert with 'tinykit quantize', which unrolls recurrent layers, or build them with unroll=True",
    "IF": "Use a model without branches",
    "CONV_3D": "Use Conv2D with the depth among the channels, or one Conv2D a slice",
    "CONV_3D_TRANSPOSE": "Use Conv2DTranspose with the depth among the channels",
    "POW": "Multiply the tensor by itself, or tf.square, tf.sqrt, tf.math.rsqrt",
}
"""Advice for operators that people meet; DEFAULT_FIX for the rest."""

DEFAULT_FIX = "Replace the layer by supported ones: " + ", ".join(sorted(REGISTRY))

HYBRID = (
    "This is dynamic-range quantization; quantize with a representative data set instead: "
    "tinykit quantize MODEL.keras --data SET.npz"
)
FOLD = "Put the result into the model as a constant"


def problems(graph: Graph) -> list[Problem]:
    """Everything in the model that tinykit does not compile; empty for a model that it does."""
    found: list[Problem] = []
    for operator in graph.operators:
        found.extend(_operator_problems(graph, operator))
    return found


def require_supported(graph: Graph) -> None:
    """Refuse a model that cannot be compiled.

    Raises: ModelError for a model in float32 or with float activations (says how to quantize), UnsupportedModel that
        lists every problem otherwise.
    """
    found = problems(graph)
    if not found:
        return
    activations = {graph.tensor(o.outputs[0]).dtype for o in graph.operators if o.outputs}
    weights = {t.dtype for t in graph.tensors.values() if t.is_constant and len(t.shape) > 1}
    if activations == {"float32"}:
        hybrid = "int8" in weights
        raise ModelError(
            "only the weights are int8, the model computes in float32" if hybrid else "the model computes in float32",
            expected="full int8: weights and activations",
            next_step=HYBRID if hybrid else QUANTIZE_FIRST,
            page="float-model",
            facts={"unsupported": [vars(p) for p in found]},
        )
    raise UnsupportedModel(found)


def _operator_problems(graph: Graph, operator: Operator) -> list[Problem]:
    definition = REGISTRY.get(operator.op)
    if definition is None:
        fix = FIXES.get(operator.op, DEFAULT_FIX)
        return [Problem(operator.name, operator.op, "tinykit does not compile this operator", fix)]
    odd = [t for t in _tensors(graph, operator) if t.dtype not in TENSOR_TYPES]
    if odd:
        return [
            Problem(
                operator.name,
                operator.op,
                f"'{shown(t.name)}' is {t.dtype}",
                "Convert to full int8, which tinykit compiles",
            )
            for t in odd
        ]
    inspection = Inspection(graph, operator)
    definition.inspect(inspection)
    if not inspection.found and definition.moves is None:
        known = all(t is None or t.is_constant for t in inspection.inputs)
        inspection.require(not known, "its input is constant, and so is its result", FOLD)
    return inspection.found


def _tensors(graph: Graph, operator: Operator) -> list[Tensor]:
    return [graph.tensor(i) for i in (*operator.inputs, *operator.outputs) if i != NO_TENSOR]
