"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR equal TFLM, larger and smaller, with both ways of placing pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.movement import resize
from tinykit.errors import UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target

SIDES = st.integers(1, 9)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"]))
    align, half = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    types = ["int8", "float32"] if op == "RESIZE_BILINEAR" else ["int8", "int16", "float32"]
    return case(
        resize,
        (draw(st.integers(1, 2)), draw(SIDES), draw(SIDES), draw(st.integers(1, 3))),
        size=(draw(SIDES), draw(SIDES)),
        op=op,
        align_corners=align,
        half_pixel_centers=half,
        input_dtype=draw(st.sampled_from(types)),
        input_zero_point=0,
        seed=draw(st.integers(0, 99)),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_a_scale_that_leaves_the_image_is_refused() -> None:
    one = case(resize, (1, 3, 1, 1), size=(5000, 1))
    with pytest.raises(UnsupportedModel, match="reads outside"):
        make_plan(read_graph(one.model, "m"), target("host"))
