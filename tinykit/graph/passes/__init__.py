"""Exact rewrites: each pass gives a graph that computes the same bytes with less, or the same graph object."""

from __future__ import annotations

from collections.abc import Callable

from tinykit.graph.model import Graph
from tinykit.graph.passes.as_reshape import as_reshapes
from tinykit.graph.passes.dead_channels import drop_dead_channels
from tinykit.graph.passes.dead_operators import drop_dead_operators
from tinykit.graph.passes.fold_clamp import fold_clamps
from tinykit.graph.passes.fold_constants import fold_constants
from tinykit.graph.passes.fold_pad import fold_pads
from tinykit.graph.passes.identities import drop_identities
from tinykit.graph.passes.quantize_chain import shorten_quantize_chains
from tinykit.graph.passes.reshape_chain import shorten_reshape_chains
from tinykit.graph.passes.twin_channels import fold_twin_channels

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    fold_constants,
    as_reshapes,
    drop_dead_operators,
    shorten_quantize_chains,
    shorten_reshape_chains,
    drop_identities,
    fold_clamps,
    fold_pads,
    fold_twin_channels,
    drop_dead_channels,
)

MOST_ROUNDS = 64
"""Every round removes something, so real models settle in a few; the bound is for hostile ones."""


def rewrite(graph: Graph) -> Graph:
    """Run all passes until none finds anything to do.

    Args:
        graph: one for which `graph.support.problems` finds nothing.

    Returns: a graph with the same inputs and outputs, whose outputs are equal byte for byte. A tensor that is left
    equals the .tflite's tensor `source`, or those of its channels that `kept` names.
    """
    for _ in range(MOST_ROUNDS):
        before = graph
        for rewriting in PASSES:
            graph = rewriting(graph)
        if graph is before:
            break
    return graph
