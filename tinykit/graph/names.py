"""Names for people and for C, from what converters leave behind."""

from __future__ import annotations

import re

OPERATIONS = {
    "CONV_2D": ("BiasAdd", "Conv2D"),
    "DEPTHWISE_CONV_2D": ("BiasAdd", "depthwise"),
    "FULLY_CONNECTED": ("BiasAdd", "MatMul", "Tensordot"),
    "ADD": ("add", "Add", "AddV2"),
}
"""The part of a fused name that tells an operator's own layer from the activations and normalisations fused into it."""

ANONYMOUS = re.compile(r"(StatefulPartitionedCall|PartitionedCall|Identity|main|output|call)?([_:]?\d+|_int8)*")
"""Names that say nothing of the layer."""

LONGEST = 60

_RESERVED = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const constexpr
continue decltype default delete do double else enum explicit export extern false float for friend goto
if inline int long main mutable namespace new noexcept not not_eq nullptr operator or or_eq private
protected public register restrict return short signed sizeof static static_assert struct switch template
this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
wchar_t while xor xor_eq
"""
RESERVED = frozenset(_RESERVED.split())
"""Words of C and C++ that cannot name a file's functions."""


def c_identifier(text: str) -> str:
    """A C identifier close to `text`, such as a file's stem; "model" where nothing is left."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:LONGEST].rstrip("_") or "model"
    if word[0].isdigit() or word in RESERVED:
        word = f"model_{word}"
    return word


def layer_name(tensor: str, op: str) -> str:
    """A short name for the layer whose output is called `tensor`.

    Fused names look like "net/relu/Relu;net/bn/FusedBatchNormV3;net/conv2d/BiasAdd": the layer is the path element
    before the operation that is the operator's own.
    """
    parts = [p.split("/") for p in tensor.split(";") if p]
    telling = [
        p for operation in OPERATIONS.get(op, ()) for p in reversed(parts) if re.sub(r"\d+$", "", p[-1]) in (operation,)
    ]
    path = (telling or parts or [[""]])[0]
    layer = path[-2] if len(path) > 1 else path[-1]
    layer = re.sub(r"[^\w.\-]+", "_", layer, flags=re.ASCII).strip("_")[:LONGEST]
    return op.lower() if ANONYMOUS.fullmatch(layer) else layer


def unique(names: list[str]) -> list[str]:
    """The same names, later repetitions numbered: a, a_2, a_3."""
    taken = set(names)
    seen: dict[str, int] = {}
    result = []
    for name in names:
        number = seen.get(name, 0) + 1
        chosen = name
        while number > 1 and (chosen := f"{name}_{number}") in taken:
            number += 1
        seen[name] = number
        taken.add(chosen)
        result.append(chosen)
    return result


def shown(name: str) -> str:
    """A tensor's name as error messages show it: fused names are far too long for a sentence."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
