"""A model's inputs and outputs as C sees them."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.codegen.text import comment
from tinykit.errors import ModelError
from tinykit.features.frontend import FrontEnd
from tinykit.graph.model import Graph, Tensor
from tinykit.plan.model import Plan

C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "bool": "uint8_t",
    "float32": "float",
}


@dataclass(frozen=True)
class Port:
    """One model input or output.

    Attributes: `name` a C identifier; `ctype` of its elements; `bytes` its size; `pointer` the C expression that
    gives its address, such as "kws01_input()".
    """

    name: str
    ctype: str
    bytes: int
    pointer: str


@dataclass(frozen=True)
class Interface:
    """What a program needs to know to use the generated C."""

    name: str
    sha256: str
    arena_bytes: int
    steps: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    has_state: bool = False
    """Whether there is a NAME_reset_state()."""
    features: FrontEnd | None = None
    """What makes the input from raw samples, in NAME_features.h."""


def interface(plan: Plan) -> Interface:
    """The interface of a plan's generated C."""
    return graph_interface(plan.graph, plan.arena_bytes, len(plan.steps))


def graph_interface(graph: Graph, arena_bytes: int, steps: int) -> Interface:
    """The interface of C that runs `graph` in `steps` steps, by whatever engine."""
    return Interface(
        name=graph.name,
        sha256=graph.sha256,
        arena_bytes=arena_bytes,
        steps=steps,
        inputs=_ports(graph.name, "input", [graph.tensor(i) for i in graph.inputs]),
        outputs=_ports(graph.name, "output", [graph.tensor(i) for i in graph.outputs]),
        has_state=bool(graph.states),
        features=graph.features,
    )


def port_facts(tensor: Tensor) -> dict[str, object]:
    """What the templates say of an input or output."""
    quantization = tensor.quantization
    return {
        "name": comment(tensor.name),
        "shape": "x".join(str(n) for n in tensor.shape),
        "dtype": tensor.dtype,
        "ctype": c_type(tensor.dtype),
        "elements": tensor.elements,
        "bytes": tensor.nbytes,
        "scale": None if quantization is None else f"{quantization.scale:.9g}",
        "zero_point": None if quantization is None else quantization.zero_point,
    }


def common_type(tensors: list[Tensor]) -> str:
    """The element type that all of them share, else void."""
    types = {c_type(t.dtype) for t in tensors}
    return types.pop() if len(types) == 1 else "void"


def c_type(dtype: str) -> str:
    """The C type of a tensor's elements.

    Raises: ModelError for one that generated C does not hold.
    """
    if dtype not in C_TYPES:
        raise ModelError("a model input or output has a type that C is not generated for", found=dtype)
    return C_TYPES[dtype]


def _ports(name: str, kind: str, tensors: list[Tensor]) -> tuple[Port, ...]:
    single = len(tensors) == 1
    return tuple(
        Port(
            name=kind if single else f"{kind}_{k}",
            ctype=c_type(tensor.dtype),
            bytes=tensor.nbytes,
            pointer=f"{name}_{kind}({'' if single else f'{k}u'})",
        )
        for k, tensor in enumerate(tensors)
    )
