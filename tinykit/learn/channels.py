"""Structured pruning: whole channels removed from a model, through everything that carries them on.

Every channel has a number. Convolutions and dense layers make new ones; batch normalizations, activations, pools and
depthwise convolutions pass them on; Flatten spreads them over the features that a dense layer reads; Add and Multiply
tie the channels of their inputs together, so that both ends of a residual lose the same ones. What a layer of another
kind touches, and what the model gives out, stays whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn.backend import keras

_CARRY = (
    "BatchNormalization", "ReLU", "LeakyReLU", "Dropout", "SpatialDropout2D", "MaxPooling2D", "AveragePooling2D",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D", "GaussianNoise",
)  # fmt: skip
_ELEMENTWISE = ("linear", "relu", "relu6", "sigmoid", "tanh", "hard_sigmoid", "swish", "silu", "elu")
_MAKE = ("Conv2D", "Dense")


@dataclass
class _Flow:
    """Channels of a model: `parent` of each number (a forest of tied ones), which stay whole, and who reads and makes.

    `into` and `out_of` hold, by layer name, the channel number at each place of the layer's input and output.
    """

    parent: list[int] = field(default_factory=list)
    whole: set[int] = field(default_factory=set)
    into: dict[str, np.ndarray] = field(default_factory=dict)
    out_of: dict[str, np.ndarray] = field(default_factory=dict)

    def new(self, count: int) -> np.ndarray:
        first = len(self.parent)
        self.parent += range(first, first + count)
        return np.arange(first, first + count)

    def root(self, number: int) -> int:
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number

    def tie(self, a: np.ndarray, b: np.ndarray) -> None:
        for one, other in zip(a.tolist(), b.tolist(), strict=True):
            self.parent[self.root(one)] = self.root(other)

    def stay(self, numbers: np.ndarray) -> np.ndarray:
        self.whole |= set(numbers.tolist())
        return numbers

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        return np.array([self.root(number) for number in numbers.tolist()], dtype=np.int64)


def counts(model: Any, part: float, dense: tuple[str, ...] = ()) -> dict[str, int]:
    """How many channels each prunable layer has once `part` of them are gone; at least one stays.

    Layers that share channels through a residual are tied, and a layer in `dense` keeps all of its.

    Raises: ModelError where no layer's channels can go.
    """
    flow = _trace(model)
    wanted: dict[str, int] = {}
    for layers in _tied(model, flow):
        channels = len(np.unique(flow.roots(flow.out_of[layers[0]])))
        if not set(layers) & set(dense):
            wanted |= dict.fromkeys(layers, max(1, round((1 - part) * channels)))
    if not wanted:
        raise ModelError(
            "no channel of this model can be removed",
            found="layers that are the model's output, kept dense, or of kinds that pruning does not follow",
            next_step='Use another pattern, such as "block"',
        )
    return wanted


def remove(model: Any, importance: dict[str, np.ndarray], wanted: dict[str, int], rounds: int) -> Any:
    """A smaller copy of `model`, its weights taken over.

    Args:
        importance: saliency of each layer's kernel (..., outputs), by layer name; a channel's is the sum over every
            layer that makes it, each layer's scaled to a mean of 1.
        wanted: channels in the end, from `counts`, by layer name.
        rounds: 1 removes all that must go; n removes an n-th of it.
    """
    flow = _trace(model)
    going: set[int] = set()
    for layers in _tied(model, flow):
        if layers[0] not in wanted:
            continue
        score: dict[int, float] = {}
        for name in layers:
            sums = importance[name].reshape(-1, importance[name].shape[-1]).sum(axis=0)
            for root, value in zip(flow.roots(flow.out_of[name]).tolist(), sums / max(sums.mean(), 1e-30), strict=True):
                score[root] = score.get(root, 0.0) + float(value)
        leaving = round((len(score) - wanted[layers[0]]) / rounds)
        going |= set(sorted(score, key=lambda root: score[root])[:leaving])
    return _smaller(model, flow, going)


def _tied(model: Any, flow: _Flow) -> list[list[str]]:
    """Groups of layers that make the same channels, none of which must stay whole."""
    whole = {flow.root(number) for number in flow.whole}
    groups: list[tuple[set[int], list[str]]] = []
    for layer in model.layers:
        if type(layer).__name__ not in _MAKE or layer.name not in flow.out_of:
            continue
        roots = set(flow.roots(flow.out_of[layer.name]).tolist())
        touching = [group for group in groups if group[0] & roots]
        groups = [group for group in groups if not group[0] & roots]
        names = [name for _, members in touching for name in members] + [layer.name]
        groups.append((roots.union(*(found for found, _ in touching)), names))
    return [names for roots, names in groups if not roots & whole]


def _trace(model: Any) -> _Flow:
    flow = _Flow()
    carried: dict[int, np.ndarray] = {}
    calls = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
    seen: set[str] = set()
    for node in calls:
        outputs = _list(node.outputs)
        if node.is_input:
            carried[id(outputs[0])] = flow.stay(flow.new(outputs[0].shape[-1]))
            continue
        inputs = [carried[id(tensor)] for tensor in node.keras_inputs]
        known = node.layer.name not in seen and len(outputs) == 1
        seen.add(node.layer.name)
        made = _through(flow, node.layer, inputs, node.keras_inputs) if known else None
        if made is None:
            for numbers in inputs:
                flow.stay(numbers)
            if node.layer.name in flow.out_of:  # a layer called twice
                flow.stay(flow.out_of[node.layer.name])
            for tensor in outputs:
                carried[id(tensor)] = flow.stay(flow.new(tensor.shape[-1]))
        else:
            carried[id(outputs[0])] = made
    for tensor in _list(model.outputs):
        flow.stay(carried[id(tensor)])
    return flow


def _through(flow: _Flow, layer: Any, inputs: list[np.ndarray], tensors: list[Any]) -> np.ndarray | None:
    """Channels behind a layer; None for a kind, or a use of one, that is not followed."""
    kind, first = type(layer).__name__, inputs[0]
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if kind in _MAKE and (kind == "Dense" or layer.groups == 1) and activation in _ELEMENTWISE:
        flow.into[layer.name] = first
        flow.out_of[layer.name] = flow.new(layer.kernel.shape[-1])
        return flow.out_of[layer.name]
    if kind == "DepthwiseConv2D" and layer.depth_multiplier == 1 and activation in _ELEMENTWISE:
        flow.into[layer.name] = first
        return first
    if kind in _CARRY or (kind == "Activation" and activation in _ELEMENTWISE):
        flow.into[layer.name] = first
        return first
    if kind == "Flatten" and layer.data_format == "channels_last":
        return np.tile(first, int(np.prod(tensors[0].shape[1:-1])))
    if kind in ("Add", "Multiply") and len({len(numbers) for numbers in inputs}) == 1:
        for other in inputs[1:]:
            flow.tie(other, first)
        return first
    if kind == "Concatenate" and layer.axis in (-1, len(tensors[0].shape) - 1):
        return np.concatenate(inputs)
    return None


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _smaller(model: Any, flow: _Flow, going: set[int]) -> Any:
    def stays(numbers: np.ndarray) -> np.ndarray:
        return np.array([root not in going for root in flow.roots(numbers).tolist()], dtype=bool)

    entering = {name: stays(numbers) for name, numbers in flow.into.items()}
    leaving = {name: stays(numbers) for name, numbers in flow.out_of.items()}

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in leaving:
            config["filters" if type(layer).__name__ == "Conv2D" else "units"] = int(leaving[layer.name].sum())
        return type(layer).from_config(config)

    copy = keras().models.clone_model(model, clone_function=clone)
    for layer in model.layers:
        values = layer.get_weights()
        if layer.name in leaving:
            kernel = values[0][..., entering[layer.name], :]
            values = [value[..., leaving[layer.name]] for value in (kernel, *values[1:])]
        elif layer.name in entering and type(layer).__name__ == "DepthwiseConv2D":
            values = [values[0][:, :, entering[layer.name]], *(bias[entering[layer.name]] for bias in values[1:])]
        elif layer.name in entering:
            values = [value[..., entering[layer.name]] for value in values]
        copy.get_layer(layer.name).set_weights(values)
    return copy
