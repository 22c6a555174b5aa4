"""BATCH_MATMUL equals TFLM, broadcast, transposed and constant operands included."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.weighted import batch_matmul


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any product, int8 and int16."""
    dtype = draw(st.sampled_from(["int8", "int8", "int16"]))
    quantization = draw(quantizations())
    if dtype == "int16":
        quantization |= {"input_zero_point": 0, "input_scale": quantization["input_scale"] / 256}
    batches = draw(st.lists(st.integers(1, 3), max_size=3))
    sides = [[n if draw(st.booleans()) else 1 for n in batches] for _ in "ab"]
    sides[draw(st.integers(0, 1))] = batches
    sides = [side[draw(st.integers(0, len(side))) if set(side) == {1} else 0 :] for side in sides]
    rows, depth, columns = (draw(st.integers(1, 6)) for _ in range(3))
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    a = (*sides[0], *((depth, rows) if adj_x else (rows, depth)))
    b = (*sides[1], *((columns, depth) if adj_y else (depth, columns)))
    constant = draw(st.sampled_from(["", "second", "first"]))
    x, other = (b, a) if constant == "first" else (a, b)
    attributes = {"shape": other, "adj_x": adj_x, "adj_y": adj_y, "constant": constant}
    return case(batch_matmul, x, **quantization, input_dtype=dtype, **attributes)


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)
