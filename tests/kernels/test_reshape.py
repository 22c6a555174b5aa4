"""RESHAPE is no copy, and PAD and PADV2 equal TFLM."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations, shapes
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, Value, pad, relu6, reshape
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target


@st.composite
def pads(draw: st.DrawFn) -> Case:
    """Any amounts on any axis; the value is the zero point or given."""
    shape = draw(shapes(1, 4, 5))
    return case(
        pad,
        shape,
        **draw(quantizations()),
        paddings=[(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in shape],
        value=draw(st.none() | st.integers(-128, 127)),
    )


@many_models
@given(st.lists(pads(), min_size=BATCH, max_size=BATCH))
def test_pad_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def between(model: ModelBuilder, x: Value) -> Value:
    """A reshape between two operators."""
    return relu6(model, reshape(model, relu6(model, x), shape=(6, 4)))


def test_reshape_is_an_alias() -> None:
    plain, inner = case(reshape, (1, 2, 3, 4), shape=(6, 4)), case(between, (1, 2, 3, 4))
    assert_equal([plain, inner])
    plan = make_plan(read_graph(plain.model, "m"), target("host"))
    assert [s.alias for s in plan.steps] in ([], [True])
    assert plan.arena_bytes == 24
