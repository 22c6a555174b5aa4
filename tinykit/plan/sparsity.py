"""What the zeros among a layer's weights bought: kernels that leave them out, channels that are gone, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.model import Graph, Operator
from tinykit.kernels import lower
from tinykit.plan.model import Plan, Step

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

NOTABLE = 0.05
"""Quantization rounds some weights to zero: up to this part of them is no sparsity that anyone meant."""


@dataclass(frozen=True)
class Sparsity:
    """What sparsity bought a layer.

    Attributes:
        zeros: the part of the weights in the file that are zero.
        kernel: the kernel that leaves them out; None where none does.
        saved_bytes, saved_instructions: predicted, against the best kernel that takes every weight in the file.
        note: in words what was done, or why nothing was.
    """

    zeros: float
    kernel: str | None
    saved_bytes: int
    saved_instructions: int
    note: str


def sparsity(original: Graph, plan: Plan) -> dict[str, Sparsity]:
    """What zeros bought, by the name of the step that computes the layer; steps without weights are not there.

    Args:
        original: the graph as it was read.
        plan: what became of it.
    """
    steps = {step.outputs[0]: step for step in plan.steps if not step.stages}
    before = {operator.source: operator for operator in original.operators if operator.source is not None}
    found = {}
    for operator in plan.graph.operators:
        old = before.get(operator.source) if operator.source is not None else None
        if operator.op in WEIGHTED and old is not None and old.op == operator.op:
            layer = _Layer(original, old, plan, operator, steps.get(operator.outputs[0]))
            if layer.is_known:
                found[operator.name] = layer.sparsity()
    return found


def _work(step: Step) -> int:
    return step.instructions


class _Layer:
    """A weighted operator as it was and as it is; `step` is None where it runs row by row with others."""

    def __init__(self, original: Graph, old: Operator, plan: Plan, new: Operator, step: Step | None) -> None:
        self._plan, self._new, self._step = plan, new, step
        self._before = original.tensor(old.inputs[1]).data
        self._after = plan.graph.tensor(new.inputs[1]).data
        self._zero = original.tensor(old.inputs[1]).quantization

    @property
    def is_known(self) -> bool:
        """Whether the weights are constants of a quantized layer."""
        return self._before is not None and self._after is not None and self._zero is not None

    def sparsity(self) -> Sparsity:
        assert self._before is not None and self._after is not None and self._zero is not None
        zeros = float((self._before == int(self._zero.zero_points[0])).mean())
        removed = self._before.size - self._after.size
        dense, skipping = self._offers()
        if self._step is not None and self._step.skips_zeros and dense is not None:
            saved = dense.weight_bytes - self._step.weight_bytes + removed
            work = dense.instructions - self._step.instructions
            return Sparsity(zeros, self._step.kernel, saved, work, "zeros are neither stored nor multiplied")
        if removed > 0:
            pixels = dense.macs // self._after.size if dense is not None else 1
            per_mac = dense.instructions / dense.macs if dense is not None and dense.macs else 0.0
            note = f"channels that are constant for every input are gone, with {removed:,} weights"
            return Sparsity(zeros, None, removed, round(removed * pixels * per_mac), note)
        return Sparsity(zeros, None, 0, 0, f"nothing: {self._why_not(zeros, dense, skipping)}")

    def _offers(self) -> tuple[Step | None, Step | None]:
        """The fastest steps that take every weight, and that leave zeros out."""
        offers = lower(self._plan.graph, self._new, self._plan.target)
        taking, skipping = ([s for s in offers if s.skips_zeros == skips] for skips in (False, True))
        return min(taking, key=_work, default=None), min(skipping, key=_work, default=None)

    def _why_not(self, zeros: float, dense: Step | None, skipping: Step | None) -> str:
        if zeros <= NOTABLE:
            return "few weights are zero"
        if self._step is None:
            return "the layer runs row by row with its neighbours, to save RAM"
        if skipping is not None and dense is not None:
            return (
                f"leaving zeros out would take about {skipping.instructions:,} instructions and "
                f"{skipping.weight_bytes:,} B, all weights take {dense.instructions:,} and {dense.weight_bytes:,} B"
            )
        if self._new.op == "DEPTHWISE_CONV_2D":
            return "a depthwise layer has too few weights an output"
        assert self._after is not None
        target = self._plan.target
        has_kernel = target.has("dsp") and not target.has("mve")
        if self._new.op == "CONV_2D" and self._after.shape[1:3] != (1, 1) and not has_kernel:
            return "windows of several pixels take all weights on this core; prune whole channels instead"
        return "too few zeros: places and code for the other weights would take more bytes than the zeros"
