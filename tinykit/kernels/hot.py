"""Which layers are worth code of their own."""

from __future__ import annotations

from tinykit.graph.model import Graph, Tensor


def is_hot(graph: Graph, y: Tensor, taps: int, share: float) -> bool:
    """Whether a layer does at least this share of the model's multiply-accumulates.

    Args: `y` its output; `taps` weights that each of its pixels takes. One row stands for an image as high as wide.
    """
    return max(y.shape[1] * y.shape[2], y.shape[2] ** 2) * taps >= share * _macs(graph)


def _macs(graph: Graph) -> int:
    """Multiply-accumulates of the model's sums, about."""
    found = 0
    for operator in graph.operators:
        if operator.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            taps, y = graph.tensor(operator.inputs[1]), graph.tensor(operator.outputs[0])
            channels = taps.shape[-1] if operator.op == "DEPTHWISE_CONV_2D" else taps.shape[0]
            found += y.elements * taps.elements // max(channels, 1)
    return found
