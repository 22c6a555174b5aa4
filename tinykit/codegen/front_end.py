"""The C of a model's front end, beside the model's own."""

from __future__ import annotations

from tinykit.features.source import sources
from tinykit.graph.model import Graph


def front_end_files(graph: Graph) -> dict[str, str]:
    """NAME_features.h and NAME_features.c; nothing for a model without a front end."""
    if graph.features is None:
        return {}
    quantization = graph.tensor(graph.inputs[0]).quantization
    assert quantization is not None
    return sources(graph.name, graph.features, quantization.scale, quantization.zero_point)
