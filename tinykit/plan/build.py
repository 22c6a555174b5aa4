"""From a graph to a plan: rewrite, order, choose kernels, lay out the arena, predict the cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tinykit.errors import ModelError, UnsupportedModel, UsageError
from tinykit.features.cost import predict as predict_features
from tinykit.graph.model import Graph, Operator
from tinykit.graph.passes import rewrite
from tinykit.graph.support import require_supported
from tinykit.kernels import lower
from tinykit.plan.buffers import place
from tinykit.plan.choose import HARDLY, Offers, fastest, relaxed, smallest
from tinykit.plan.cost import predict, stack_bytes
from tinykit.plan.fuse import fuse
from tinykit.plan.inplace import settle_places
from tinykit.plan.model import Plan, Step
from tinykit.plan.moves import add_moves
from tinykit.plan.order import best_order, bytes_by_step
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
        optimize: what shall be least: "speed" instructions, "size" flash, "ram" RAM; each gives a little for another,
            see choose.py.

    Raises: UnsupportedModel with every layer that cannot be compiled; ModelError for a model that computes nothing;
    UsageError for an unknown `optimize`.
    """
    if optimize not in PREFERENCES:
        raise UsageError(f"unknown optimization {optimize!r}", expected=f"one of {', '.join(PREFERENCES)}")
    require_supported(graph)
    graph = rewrite(graph)
    _require_variable_outputs(graph)
    preference = PREFERENCES[optimize]
    offers = _offers(graph, target)
    if optimize == "ram":
        lean = _Layout(graph, target, preference).plan(tuple(min(ways, key=preference) for ways in offers))
        return _faster(graph, offers, lean)
    chosen = smallest(offers) if optimize == "size" else fastest(offers)
    return _Layout(graph, target, _staying(graph, chosen, preference)).plan(chosen)


def _staying(graph: Graph, chosen: Sequence[Step], preference: Preference) -> Preference:
    """Prefer the kernel that is chosen for an operator, also where it makes one row only."""
    kernels = {operator.name: step.kernel for operator, step in zip(graph.operators, chosen, strict=True)}
    return lambda step: (int(step.kernel != kernels.get(step.name)), *preference(step))


def _faster(graph: Graph, offers: Offers, lean: Plan) -> Plan:
    """A plan of hardly more RAM than `lean`, with faster kernels where the worst moment is another layer's."""
    chosen = tuple(min(ways, key=PREFERENCES["ram"]) for ways in offers)
    sizes = _sizes(graph, chosen)
    least = bytes_by_step(chosen, sizes, graph.outputs)
    most = lean.cost.ram + lean.cost.ram // HARDLY

    def allowed(steps: Sequence[Step]) -> bool:
        arena = most - lean.cost.static - stack_bytes([step for step in steps if not step.alias])
        alive = bytes_by_step(steps, sizes, graph.outputs)
        return all(now <= max(arena, before) for now, before in zip(alive, least, strict=True))

    quick = fastest(offers)
    plans = (
        lean,
        _Layout(graph, lean.target, PREFERENCES["ram"]).plan(relaxed(offers, chosen, allowed)),
        _Layout(graph, lean.target, _staying(graph, quick, PREFERENCES["speed"])).plan(quick),
    )
    return min((plan for plan in plans if plan.cost.ram <= most), key=lambda plan: plan.cost.instructions)


@dataclass(frozen=True)
class _Layout:
    """What follows the choice of kernels: places, order, rows, moves, the arena, and the predicted cost."""

    graph: Graph
    target: Target
    preference: Preference

    def plan(self, chosen: tuple[Step, ...]) -> Plan:
        graph, target = self.graph, self.target
        settled = settle_places(graph, chosen, partial(_copying, graph, target, self.preference))
        steps = fuse(graph, _reorder(graph, settled), self.offer)
        graph, steps = add_moves(graph, steps, target)
        placement = place(graph, steps)
        return Plan(
            graph=graph,
            target=target,
            steps=steps,
            buffers=placement.buffers,
            arena_bytes=placement.arena_bytes,
            lower_bound=placement.lower_bound,
            cost=replace(
                predict(steps, placement.arena_bytes, state_bytes(graph)),
                features=predict_features(graph.features, target) if graph.features is not None else None,
            ),
        )

    def offer(self, graph: Graph, operator: Operator) -> Step:
        """The preferred kernel of an operator."""
        return min(lower(graph, operator, self.target), key=self.preference)


def _offers(graph: Graph, target: Target) -> Offers:
    """The kernels of each operator. All operators without one are reported at once."""
    offers, problems = [], []
    for operator in graph.operators:
        try:
            offers.append(lower(graph, operator, target))
        except UnsupportedModel as error:
            problems += error.problems
    if problems:
        raise UnsupportedModel(problems)
    return offers


def _copying(graph: Graph, target: Target, preference: Preference, step: Step) -> Step:
    """The same step without tensors inside others."""
    operator = graph.producer(step.outputs[0])
    assert operator is not None
    return min((s for s in lower(graph, operator, target) if not s.places), key=preference, default=step)


def _reorder(graph: Graph, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps in the order whose worst moment needs the least memory."""
    return tuple(steps[k] for k in best_order(steps, _sizes(graph, steps), graph.outputs))


def _sizes(graph: Graph, steps: Sequence[Step]) -> dict[int, int]:
    """Bytes of the tensors in the arena."""
    return {i: graph.tensor(i).nbytes for step in steps for i in (*step.inputs, *step.outputs)}


def _require_variable_outputs(graph: Graph) -> None:
    for index in graph.outputs:
        if graph.tensor(index).is_constant:
            raise ModelError(
                f"the model's output '{graph.tensor(index).name}' is a constant",
                next_step="Convert a model whose outputs depend on its inputs",
            )
