"""ADD equals TFLM: broadcast, constant operands, the same tensor twice, any scales."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, shapes
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, Value, add


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Each axis is whole in both operands, or 1 in one of them; the second operand may have fewer axes."""
    whole = draw(shapes(1, 5, 5))
    kinds = [draw(st.sampled_from("bbbxy")) for _ in whole]
    first = tuple(1 if k == "x" else n for n, k in zip(whole, kinds, strict=True))
    second = tuple(1 if k == "y" else n for n, k in zip(whole, kinds, strict=True))
    cut = draw(st.integers(0, len(second) - 1)) if draw(st.booleans()) else 0
    return case(
        add,
        first,
        **draw(quantizations()),
        shape=second[cut:],
        constant=draw(st.booleans()),
        activation=draw(activations()),
        scale=draw(st.sampled_from([None, None, 0.003, 0.8])),
        zero_point=draw(st.sampled_from([4, -128, 127])),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def add_equal_scales(model: ModelBuilder, x: Value) -> Value:
    """Both operands scaled by one half: two shifts."""
    return add(model, x, model.input(x.shape, x.scale, 11))


def add_larger_first(model: ModelBuilder, x: Value) -> Value:
    """The first operand has the larger scale."""
    return add(model, x, model.input(x.shape, x.scale / 3, -90))


def add_to_itself(model: ModelBuilder, x: Value) -> Value:
    """One tensor is both operands."""
    return add(model, x, x)


def test_scales_and_shared_operands_equal_tflm() -> None:
    makes = (add_equal_scales, add_larger_first, add_to_itself)
    assert_equal([case(make, (1, 7, 3), input_scale=s) for make in makes for s in (0.0039, 0.05, 0.31)])
