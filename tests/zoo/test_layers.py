"""Every ordinary Keras layer: compiled and equal to its judge, or refused with what to do."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason='the judge is not installed: pip install "tinykit[verify]"')

from tests.support.equality import BATCH, LEVELS, Case, assert_equal
from tests.support.tally import note
from tests.zoo.layers import ARCHIVE, LAYERS
from tests.zoo.survey import PAGE, page, rows
from tinykit.arrays import read_npz
from tinykit.errors import TinykitError
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostProgram
from tinykit.validate.judge_worker import ReferenceWorker
from tinykit.validate.parity import compare_tensors, verify
from tinykit.validate.vectors import vectors

BEYOND_TFLM = (
    *("Activation(selu)", "Activation(gelu)", "Activation(mish)", "Activation(softplus)", "Activation(exponential)"),
    *("LocallyConnected2D", "UpSampling1D", "Cropping3D", "RepeatVector"),
    *("Masking", "Masking, LSTM", "Discretization"),
)
"""Layers that become what TFLM lacks: tensorflow judges them."""

VECTORS = 12


def compiled() -> list[Case]:
    """A case of each layer that is compiled."""
    archive = read_npz(ARCHIVE)
    return [Case(r.layer, archive[r.layer].tobytes()) for r in rows(archive) if not r.refused]


def test_the_archive_holds_every_layer() -> None:
    assert list(read_npz(ARCHIVE)) == [name for name, _, _ in LAYERS]
    assert len(compiled()) >= 75


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text("utf-8") == page(rows(read_npz(ARCHIVE))), "run: python -m tests.zoo.survey"


def test_what_is_refused_says_what_to_do() -> None:
    for row in rows(read_npz(ARCHIVE)):
        assert "?" not in row.refused and (not row.refused or len(row.refused) > 40), row


@pytest.mark.parametrize("part", range(3))
def test_layers_equal_tflm(part: int) -> None:
    judged = [one for one in compiled() if one.label not in BEYOND_TFLM]
    assert len(judged) <= 4 * BATCH
    assert_equal(judged[part::3], count=VECTORS)


def test_models_of_a_newer_converter_equal_tflm() -> None:
    """Those of tensorflow 2.21 that differ in form from 2.19's. No interpreter judges a model with its SQRT of int8.

    Made by `python -m tests.zoo.layers` and `tests.zoo.make` with tensorflow 2.21.
    """
    models = {name: kept.tobytes() for name, kept in read_npz(ARCHIVE.with_name("converter_2_21.npz")).items()}
    features = models.pop("normalized_features")
    assert_equal([Case(name, model) for name, model in models.items()], count=VECTORS)
    assert "SQRT" in {step.op for step in make_plan(read_graph(features), target("cortex-m4")).steps}
    with pytest.raises(TinykitError, match="SQRT"):
        verify(features, vectors=1)


def reference(model: bytes, batch: list[np.ndarray]) -> list[dict[int, np.ndarray]]:
    """What TensorFlow Lite's reference kernels compute, tensor by tensor, vector by vector."""
    worker = ReferenceWorker(model, 0)
    answers = []
    for k in range(len(batch[0])):
        indices, *values = worker.tensors([x[k] for x in batch])
        answers.append(dict(zip(indices.tolist(), values, strict=True)))
    return answers


@pytest.mark.train
def test_layers_beyond_tflm_equal_the_reference_kernels() -> None:
    cases = [one for one in compiled() if one.label in BEYOND_TFLM]
    assert len(cases) == len(BEYOND_TFLM)
    plans = [make_plan(read_graph(one.model, f"m{k}"), target("host")) for k, one in enumerate(cases)]
    batches = [vectors(plan.graph, VECTORS, seed=2) for plan in plans]
    traces = HostProgram(plans, optimize=LEVELS[-1]).trace(batches)
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # where tensorflow may be imported as it likes
        answers = list(apart.map(reference, [one.model for one in cases], batches))
    for one, plan, ours, theirs in zip(cases, plans, traces, answers, strict=True):
        compared, difference = compare_tensors(plan, ours, theirs, range(VECTORS))
        assert difference is None, f"{one.label}: {difference}"
        assert compared == len(ours)
        note(one.model, vectors=VECTORS, bytes=sum(values.nbytes for values in ours.values()))
