"""Whether a model's generated C equals TFLM, byte for byte; and if not, which layer differs first.

verify(model, vectors=200, seed=0, target="host") -> the JSON of `tinykit verify`
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.targets import target as target_named
from tinykit.validate.divergence import counterpart
from tinykit.validate.host import HostModel
from tinykit.validate.judge import Judge
from tinykit.validate.vectors import vectors as make_vectors

if TYPE_CHECKING:
    from tinykit.validate.emulated import EmulatedModel

TRACED = 16
"""Vectors whose intermediate tensors are compared too: outputs that saturate hide differences inside."""


def verify(
    model: Path | bytes,
    vectors: int = 200,
    seed: int = 0,
    target: str = "host",
    *,
    optimize: str = "speed",
    sanitize: bool = False,
    alter: Callable[[Plan], Plan] | None = None,
) -> dict[str, Any]:
    """Compile `model`, run it beside TFLM on random and boundary vectors, and compare.

    Args:
        model: a .tflite file, or its bytes.
        vectors: how many inputs; all outputs are compared, intermediate tensors on `TRACED` of them.
        seed: of the vectors.
        target: where the compiled C runs: "host", or the target of an emulated board.
        optimize: as for `plan.build.make_plan`.
        sanitize: run under AddressSanitizer and UndefinedBehaviorSanitizer, on the host.
        alter: changes the plan before it is compiled (tests show with it that a fault is found).

    Returns: bit_exact; vectors; bytes and mismatched_bytes of their outputs; first_divergent_layer (None, or layer,
    op, kernel, step, vector, index, found, tflm, mismatched_values); traced_vectors, and of tensors_computed the
    number compared inside; name and model_sha256; target, seed, judge, seconds.

    Raises: ModelError, UnsupportedModel for a model that cannot be compiled or judged; ToolMissing without compiler,
    emulator or judge; ToolFailed when one fails; UsageError for a target that no emulated board has; DoesNotFit;
    DeviceError.
    """
    started = time.monotonic()
    graph = read_graph(model)
    raw = model if isinstance(model, bytes) else model.read_bytes()
    plan = make_plan(graph, target_named(target), optimize)
    plan = alter(plan) if alter else plan
    inputs = make_vectors(graph, vectors, seed)
    with Judge(raw) as judge, _compiled(plan, sanitize) as compiled:
        ours = compiled.run_many(inputs)
        theirs = judge.run_batches(inputs)
        unlike = _unlike_vectors(ours, theirs)
        traced = _to_trace(unlike, vectors, has_state=bool(graph.states))
        judge.reset()
        judged = [judge.tensors([batch[k] for batch in inputs]) for k in traced]
        values = compiled.trace([batch[traced] for batch in inputs])
    tensors, divergence = compare_tensors(plan, values, judged, traced)
    mismatched = sum(int((_bytes(a) != _bytes(b)).sum()) for a, b in zip(ours, theirs, strict=True))
    return {
        "bit_exact": mismatched == 0 and divergence is None,
        "vectors": vectors,
        "bytes": sum(a.nbytes for a in ours),
        "mismatched_bytes": mismatched,
        "first_divergent_layer": divergence,
        "traced_vectors": len(traced),
        "tensors": tensors,
        "tensors_computed": len(values),
        "name": graph.name,
        "model_sha256": graph.sha256,
        "target": target,
        "optimize": optimize,
        "seed": seed,
        "judge": judge.name,
        "seconds": round(time.monotonic() - started, 3),
    }


@contextlib.contextmanager
def _compiled(plan: Plan, sanitize: bool) -> Iterator[HostModel | EmulatedModel]:
    """The plan, compiled for its target and ready to answer."""
    if plan.target.name == "host":
        yield HostModel(plan, sanitize=sanitize, optimize="-O1" if sanitize else "-O2")
        return
    from tinykit.validate.emulated import emulated_model

    with emulated_model(plan) as model:
        yield model


def compare_tensors(
    plan: Plan, ours: Mapping[int, np.ndarray], judged: Sequence[Mapping[int, np.ndarray]], vectors: Sequence[int]
) -> tuple[int, dict[str, Any] | None]:
    """Compare every tensor that has a counterpart in the .tflite, step by step.

    Args:
        ours: batches (n, *shape) by index in the plan's graph.
        judged: TFLM's tensors by .tflite index, one mapping a vector.
        vectors: the vectors' numbers, for the report.

    Returns: how many tensors were compared, and the first difference or None.
    """
    compared = 0
    for number, step in enumerate(plan.steps):
        for index in step.outputs:
            tensor = plan.graph.tensor(index)
            for k, values in enumerate(judged):
                expected = counterpart(tensor, values)
                if expected is None:
                    break
                compared += k == 0
                unlike = np.flatnonzero(_bits(ours[index][k]) != _bits(expected))
                if unlike.size:
                    where = int(unlike[0])
                    return compared, {
                        "layer": step.name,
                        "op": step.op,
                        "kernel": step.kernel,
                        "step": number,
                        "vector": vectors[k],
                        "index": [int(i) for i in np.unravel_index(where, tensor.shape)],
                        "found": ours[index][k].reshape(-1)[where].item(),
                        "tflm": expected.reshape(-1)[where].item(),
                        "mismatched_values": int(unlike.size),
                    }
    return compared, None


def _unlike_vectors(ours: list[np.ndarray], theirs: list[np.ndarray]) -> np.ndarray:
    """Numbers of the vectors of which some output byte differs."""
    unlike = [(_bytes(a) != _bytes(b)).any(axis=1) for a, b in zip(ours, theirs, strict=True)]
    return np.flatnonzero(np.any(unlike, axis=0))


def _to_trace(unlike: np.ndarray, count: int, *, has_state: bool) -> list[int]:
    """Vectors to look inside: some that differ outside first, then the first ones.

    Where they depend on those before them, all up to the first that differs.
    """
    if has_state:
        return list(range(min(max(TRACED, int(unlike[0]) + 1 if unlike.size else 0), count)))
    return [int(k) for k in dict.fromkeys([*unlike[:2], *range(min(TRACED, count))])][:TRACED]


def _bytes(batch: np.ndarray) -> np.ndarray:
    """The bytes of each vector, (n, bytes)."""
    return np.ascontiguousarray(batch).reshape(len(batch), -1).view(np.uint8)


def _bits(values: np.ndarray) -> np.ndarray:
    """The values' bits, flat: equal NaNs are equal, 0.0 and -0.0 are not."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(f"u{flat.itemsize}")
