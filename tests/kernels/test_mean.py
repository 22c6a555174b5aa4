"""MEAN equals TFLM over any axes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations, shapes
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import mean, single
from tinykit.errors import UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any set of axes of up to five dimensions, counted from either end, and any output quantization."""
    shape = draw(shapes(1, 5, 5))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    return case(
        mean,
        shape,
        **draw(quantizations()),
        axes=[a - len(shape) if draw(st.booleans()) else a for a in axes],
        keep_dims=draw(st.booleans()),
        scale=draw(st.sampled_from([None, 0.004, 0.05, 0.9])),
        zero_point=draw(st.sampled_from([None, -128, 40])),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_axes_that_alternate_too_often_are_refused_by_name() -> None:
    model = single(mean, (2, 2, 2, 2, 2, 2, 2, 2), axes=[0, 2, 4, 6])
    with pytest.raises(UnsupportedModel, match="alternate too often"):
        make_plan(read_graph(model, "m"), target("host"))
