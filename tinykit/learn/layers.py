"""Layers in words, as recipes write them: "conv 16 3x3 relu stride 2". Parsed here without any framework.

conv FILTERS HxW [relu|relu6] [stride N] [same|valid]
depthwise HxW [relu|relu6] [stride N] [same|valid]
pool HxW | average HxW          max and average pooling, stride as the window
globalaverage                   mean over height and width
dense UNITS [relu|relu6]        flattens what is not flat yet
dropout RATE | batchnorm | flatten | relu | relu6
softmax                         only as the last layer
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from tinykit.errors import RecipeError

_ACTIVATIONS = ("relu", "relu6")
_GRAMMAR = {
    "conv": "conv FILTERS HxW [relu|relu6] [stride N] [same|valid]",
    "depthwise": "depthwise HxW [relu|relu6] [stride N] [same|valid]",
    "pool": "pool HxW",
    "average": "average HxW",
    "globalaverage": "globalaverage",
    "dense": "dense UNITS [relu|relu6]",
    "dropout": "dropout RATE",
    "batchnorm": "batchnorm",
    "flatten": "flatten",
    "relu": "relu",
    "relu6": "relu6",
    "softmax": "softmax",
}


@dataclass(frozen=True)
class Layer:
    """One layer. `units` is filters or units; `window` (height, width); `rate` of dropout; 0 or None where unused."""

    kind: str
    units: int = 0
    window: tuple[int, int] = (0, 0)
    stride: int = 1
    padding: str = "same"
    activation: str | None = None
    rate: float = 0.0


def parse_layer(text: str) -> Layer:
    """The layer that `text` describes.

    Raises: RecipeError with the nearest word or the layer's form.
    """
    words = text.split()
    kind = words[0] if words else ""
    if kind not in _GRAMMAR:
        near = difflib.get_close_matches(kind, _GRAMMAR, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known layers: {', '.join(_GRAMMAR)}"
        raise RecipeError(f"unknown layer {text!r}", next_step=hint)
    rest = words[1:]
    values: dict[str, object] = {}
    if kind in ("conv", "dense"):
        values["units"] = _count(text, kind, rest)
    if kind in ("conv", "depthwise", "pool", "average"):
        values["window"] = _window(text, kind, rest)
    if kind == "dropout":
        values["rate"] = _rate(text, rest)
    if kind in ("conv", "depthwise", "dense"):
        values |= _modifiers(text, kind, rest)
    if rest:
        raise _malformed(text, kind, rest[0])
    return Layer(kind, **values)  # type: ignore[arg-type]


def parse_layers(texts: tuple[str, ...]) -> tuple[Layer, ...]:
    """All layers of a model.

    Raises: RecipeError for one that cannot be read, or a softmax that is not the last.
    """
    layers = tuple(parse_layer(text) for text in texts)
    if any(layer.kind == "softmax" for layer in layers[:-1]):
        raise RecipeError("softmax may only be the last layer")
    return layers


def _modifiers(text: str, kind: str, rest: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    while rest:
        word = rest.pop(0)
        if word in _ACTIVATIONS:
            values["activation"] = word
        elif kind != "dense" and word in ("same", "valid"):
            values["padding"] = word
        elif kind != "dense" and word == "stride":
            values["stride"] = _count(text, kind, rest)
        else:
            raise _malformed(text, kind, word)
    return values


def _count(text: str, kind: str, rest: list[str]) -> int:
    word = rest.pop(0) if rest else ""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", word):
        raise _malformed(text, kind, word)
    return int(word)


def _window(text: str, kind: str, rest: list[str]) -> tuple[int, int]:
    word = rest.pop(0) if rest else ""
    match = re.fullmatch(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", word)
    if not match:
        raise _malformed(text, kind, word)
    return int(match[1]), int(match[2])


def _rate(text: str, rest: list[str]) -> float:
    word = rest.pop(0) if rest else ""
    if not re.fullmatch(r"0?\.[0-9]+", word):
        raise _malformed(text, "dropout", word)
    return float(word)


def _malformed(text: str, kind: str, word: str) -> RecipeError:
    found = f"{word!r}" if word else "nothing more"
    return RecipeError(f"the layer {text!r} cannot be read", expected=_GRAMMAR[kind], found=found)
