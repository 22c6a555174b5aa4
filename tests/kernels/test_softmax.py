"""SOFTMAX equals TFLM, and the table is as short as it can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations, shapes
from tests.support.equality import ARENA_BYTES, BATCH, Case, assert_equal, case, many_models
from tests.support.models import single, softmax
from tinykit.errors import UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.kernels.softmax import exponentials
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostModel
from tinykit.validate.judge_worker import Worker


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any rows, scales from flat to one-hot, any beta."""
    quantization = draw(quantizations())
    quantization["input_scale"] = draw(st.sampled_from([0.0005, 0.0039, 0.05, 0.18, 0.5, 3.0, 40.0]))
    return case(
        softmax,
        (*draw(shapes(0, 3, 4)), draw(st.integers(1, 40))),
        **quantization,
        beta=draw(st.floats(0.125, 8.0, width=32)),
        **draw(st.sampled_from([{}, {}, {"dtype": "int16"}, {"input_dtype": "float32"}])),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def run_both(classes: int, scale: float, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    model = single(softmax, (1, classes), input_scale=scale)
    ours = HostModel(make_plan(read_graph(model, "m"), target("host")), sanitize=True).run_many(batch)
    return ours[0], Worker(model, ARENA_BYTES).run([batch])[0]


@pytest.mark.parametrize("classes", [500, 1000, 4095])
def test_many_classes_equal_tflm(classes: int) -> None:
    batch = np.random.default_rng(0).integers(-128, 128, (8, 1, classes)).astype(np.int8)
    ours, theirs = run_both(classes, 0.4, batch)
    np.testing.assert_array_equal(ours, theirs)


def test_int16_from_flat_rows_and_float_are_clean_under_the_sanitizers() -> None:
    wide = [case(softmax, (2, n), dtype="int16", input_scale=scale) for n in (1, 900) for scale in (0.0001, 0.3)]
    assert_equal([*wide, case(softmax, (3, 17), input_dtype="float32", beta=0.7)], sanitize=True)


def test_flat_rows_where_tflm_stops_give_zero() -> None:
    model = single(softmax, (1, 1000), input_scale=0.1)
    compiled = HostModel(make_plan(read_graph(model, "m"), target("host")), sanitize=True)
    assert (compiled.run_many(np.zeros((1, 1, 1000), np.int8))[0] == -128).all()


def test_rows_that_overflow_the_sum_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="4096 values overflow"):
        make_plan(read_graph(single(softmax, (1, 4096)), "m"), target("host"))


@given(st.floats(1e-6, 1e3))
def test_exponentials_fall_from_one(scale: float) -> None:
    table = exponentials(scale, 1.0)
    assert table[0] == 2**31 - 1
    assert (table[1:] <= table[:-1]).all() and table[-1] > 0
    assert len(table) <= 256
