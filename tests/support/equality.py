"""Generated C against TFLM, many small models at a time: they share one compiler run and one program."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings

from tests.support.models import single
from tests.support.tally import note
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.targets import target
from tinykit.validate.host import HostProgram
from tinykit.validate.judge_worker import Worker
from tinykit.validate.parity import compare_tensors
from tinykit.validate.vectors import vectors

ARENA_BYTES = 4 << 20
VECTORS = 12
"""One turn of the kinds that `vectors` draws: random, boundary, saturating."""

BATCH = 24
"""Models of one example: as many as one compiler run is worth."""

LEVELS = ("-O1", "-O2")
"""Levels at which kernels are proved: what breaks a rule of C, or of a compiler, shows at some and not at others."""

many_models = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
"""Settings of the byte-equality properties: 4 examples of `BATCH` models each, the same ones in every run.

They are not shrunk: the failure names the one model and attribute values that differ."""


@dataclass(frozen=True, eq=False)
class Case:
    """A model and what it was made of, for the failure message."""

    label: str
    model: bytes = field(repr=False)

    def __repr__(self) -> str:
        return self.label

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(self.label)


def case(make: Callable[..., Any], shape: Sequence[int], /, **attributes: Any) -> Case:
    """A model of one operator; arguments as for `single`."""
    told = ", ".join(f"{k}={v}" for k, v in attributes.items())
    return Case(f"{make.__name__}({tuple(shape)}, {told})", single(make, shape, **attributes))


def level(*models: bytes) -> str:
    """The compiler's level for these models: half of all get the one, half the other, the same in every run.

    TINYKIT_HOST_LEVEL=-O2 (or -O3, -Os) in the environment takes that for all.
    """
    digest = hashlib.sha256(b"".join(models)).digest()
    return os.environ.get("TINYKIT_HOST_LEVEL") or LEVELS[digest[0] % len(LEVELS)]


def assert_equal(
    cases: Sequence[Case],
    *,
    count: int = VECTORS,
    sanitize: bool = False,
    on: str = "host",
    prefer: str = "speed",
) -> None:
    """Every byte of every tensor of every model is TFLM's, on `count` vectors each.

    With another target `on`, this machine runs that target's kernels in their portable form. Of several kernels the
    one that `prefer` chooses runs, see `PREFERENCES`.
    """
    plans = [make_plan(read_graph(c.model, f"m{k}"), target(on), prefer) for k, c in enumerate(cases)]
    program = HostProgram(plans, sanitize=sanitize, optimize=level(*(c.model for c in cases)))
    batches = [vectors(plan.graph, count, seed=k) for k, plan in enumerate(plans)]
    outputs, traces = program.run(batches), program.trace(batches)
    for one, plan, batch, ours, values in zip(cases, plans, batches, outputs, traces, strict=True):
        _assert_one(one, plan, batch, ours, values)


def _assert_one(
    one: Case, plan: Plan, batch: list[np.ndarray], ours: list[np.ndarray], values: dict[int, np.ndarray]
) -> None:
    worker = Worker(one.model, ARENA_BYTES)
    for index, (mine, theirs) in enumerate(zip(ours, worker.run(batch), strict=True)):
        np.testing.assert_array_equal(mine, theirs, err_msg=f"{one.label}, output {index}", strict=True)
    worker.reset()
    judged = []
    for k in range(len(batch[0])):
        indices, *tensors = worker.tensors([b[k] for b in batch])
        judged.append({int(i): t for i, t in zip(indices, tensors, strict=True)})
    _, difference = compare_tensors(plan, values, judged, range(len(judged)))
    assert difference is None, f"{one.label}: {difference}"
    note(one.model, vectors=len(batch[0]), bytes=sum(v.nbytes for v in (*ours, *values.values())))
