"""From a graph to a plan: rewrite, order, choose kernels, lay out the arena, predict the cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tinykit.errors import ModelError, UnsupportedModel, UsageError
from tinykit.graph.model import Graph, Operator
from tinykit.graph.passes import rewrite
from tinykit.graph.support import require_supported
from tinykit.kernels import lower
from tinykit.plan.buffers import place
from tinykit.plan.cost import predict
from tinykit.plan.fuse import fuse
from tinykit.plan.inplace import settle_places
from tinykit.plan.model import Plan, Step
from tinykit.plan.moves import add_moves
from tinykit.plan.order import best_order
from tinykit.plan.rows import Offer
from tinykit.plan.state import state_bytes
from tinykit.targets import Target

Preference = Callable[[Step], tuple[int, ...]]

PREFERENCES: dict[str, Preference] = {
    "speed": lambda step: (step.instructions, step.code_bytes + step.weight_bytes, step.scratch),
    "size": lambda step: (step.code_bytes + step.weight_bytes, step.instructions, step.scratch),
    "ram": lambda step: (step.scratch + step.stack, step.instructions, step.code_bytes + step.weight_bytes),
}
"""What is compared, in this order, where an operator can be computed in several ways; less is better."""


def make_plan(graph: Graph, target: Target, optimize: str = "speed") -> Plan:
    """Decide everything about how `graph` runs on `target`.

    Args:
        graph: as read from the file.
        optimize: "speed", "size" or "ram": which of an operator's kernels to prefer.

    Raises: UnsupportedModel with every layer that cannot be compiled; ModelError for a model that computes nothing;
    UsageError for an unknown `optimize`.
    """
    if optimize not in PREFERENCES:
        raise UsageError(f"unknown optimization {optimize!r}", expected=f"one of {', '.join(PREFERENCES)}")
    require_supported(graph)
    graph = rewrite(graph)
    _require_variable_outputs(graph)
    preference = PREFERENCES[optimize]

    def offer(graph: Graph, operator: Operator) -> Step:
        return min(lower(graph, operator, target), key=preference)

    chosen = settle_places(graph, _choose(graph, offer), partial(_copying, graph, target, preference))
    steps = fuse(graph, _reorder(graph, chosen), offer)
    graph, steps = add_moves(graph, steps, target)
    placement = place(graph, steps)
    return Plan(
        graph=graph,
        target=target,
        steps=steps,
        buffers=placement.buffers,
        arena_bytes=placement.arena_bytes,
        lower_bound=placement.lower_bound,
        cost=predict(steps, placement.arena_bytes, state_bytes(graph)),
    )


def _choose(graph: Graph, offer: Offer) -> tuple[Step, ...]:
    """The preferred kernel of each operator. All operators without one are reported at once."""
    steps, problems = [], []
    for operator in graph.operators:
        try:
            steps.append(offer(graph, operator))
        except UnsupportedModel as error:
            problems += error.problems
    if problems:
        raise UnsupportedModel(problems)
    return tuple(steps)


def _copying(graph: Graph, target: Target, preference: Preference, step: Step) -> Step:
    """The same step without tensors inside others."""
    operator = graph.producer(step.outputs[0])
    assert operator is not None
    return min((s for s in lower(graph, operator, target) if not s.places), key=preference, default=step)


def _reorder(graph: Graph, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps in the order whose worst moment needs the least memory."""
    sizes = {i: graph.tensor(i).nbytes for step in steps for i in (*step.inputs, *step.outputs)}
    return tuple(steps[k] for k in best_order(steps, sizes, graph.outputs))


def _require_variable_outputs(graph: Graph) -> None:
    for index in graph.outputs:
        if graph.tensor(index).is_constant:
            raise ModelError(
                f"the model's output '{graph.tensor(index).name}' is a constant",
                next_step="Convert a model whose outputs depend on its inputs",
            )
