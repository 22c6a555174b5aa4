"""Five thousand damaged models: only our own errors, quickly, within bounded memory; `make fuzz` runs more."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems

pytest.importorskip("tflite_micro", reason='model building needs the verify extra: pip install "tinykit[verify]"')

from tests.graph.fuzz import MEMORY, SECONDS, mutants, outcome, peak
from tests.support.models import ModelBuilder, relu6

MUTANTS, BATCHES = 5000, 10


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_models_give_our_errors_only(batch: int) -> None:
    before = peak()
    outcomes: Counter[str] = Counter()
    for number, model in enumerate(mutants(batch, MUTANTS // BATCHES)):
        try:
            outcomes[outcome(model)] += 1
        except Exception as error:
            raise AssertionError(f"mutant {number}") from error
    assert peak() - before < MEMORY
    assert min(outcomes[kind] for kind in ("refused", "unsupported", "sound")) > 0, outcomes


def test_a_chain_as_long_as_allowed_is_quick() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4))
    for _ in range(1500):
        x = relu6(model, x)
    data = model.finish([x])
    start = time.perf_counter()
    graph = read_graph(data)
    assert problems(graph) == []
    read_seconds = time.perf_counter() - start
    assert read_seconds < SECONDS
    rewrite(graph)
    assert time.perf_counter() - start < 5 * SECONDS
