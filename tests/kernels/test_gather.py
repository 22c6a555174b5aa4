"""GATHER, GATHER_ND and EMBEDDING_LOOKUP equal TFLM; indices from outside the model read nothing outside."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import shapes
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.movement import embedding_lookup, gather, gather_nd
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostModel

TYPES = st.sampled_from(["int8", "float32"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["gather", "gather", "nd", "rows"]))
    attributes = {"seed": draw(st.integers(0, 999)), "input_zero_point": 0}
    shape = draw(shapes(1, 4, 5))
    if kind == "gather":
        axis = draw(st.integers(0, len(shape) - 1))
        shared = draw(st.integers(0, axis))
        indices = (*shape[:shared], *draw(shapes(0 if shared else 1, 2, 4)))
        signed_axis = axis - draw(st.sampled_from([0, len(shape)]))
        attributes |= {"indices": indices, "axis": signed_axis, "batch_dims": shared, "computed": draw(st.booleans())}
        return case(gather, shape, input_dtype=draw(TYPES), **attributes)
    if kind == "nd":
        indices = (*draw(shapes(0, 2, 4)), draw(st.integers(1, len(shape))))
        attributes |= {"indices": indices, "computed": draw(st.booleans())}
        return case(gather_nd, shape, input_dtype=draw(TYPES), **attributes)
    dtype, output = draw(st.sampled_from([("int8", "int8"), ("float32", "float32"), ("int8", "float32")]))
    attributes |= {"rows": draw(shapes(2, 3, 6)), "dtype": dtype, "output": output}
    return case(embedding_lookup, draw(shapes(1, 1, 5)), input_dtype="int32", **attributes)


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_indices_from_outside_read_the_nearest_slice() -> None:
    one = case(gather, (4, 3), indices=(5,), computed=True)
    model = HostModel(make_plan(read_graph(one.model, "m"), target("host")), sanitize=True)
    values = np.arange(12, dtype=np.int8).reshape(1, 4, 3)
    picks = np.array([[-(2**31), -1, 2, 4, 2**31 - 1]], np.int32)
    assert model.run_many([values, picks])[0][0].tolist() == [[0, 1, 2]] * 2 + [[6, 7, 8]] + [[9, 10, 11]] * 2


def test_coordinates_from_outside_read_some_slice() -> None:
    one = case(gather_nd, (4, 3), indices=(4, 2), computed=True)
    model = HostModel(make_plan(read_graph(one.model, "m"), target("host")), sanitize=True)
    values = np.arange(12, dtype=np.int8).reshape(1, 4, 3)
    picks = np.array([[[1, 2], [-(2**31), 7], [2**31 - 1, 2**31 - 1], [-1, 0]]], np.int32)
    assert model.run_many([values, picks])[0][0].tolist() == [5, 11, 11, 11]
