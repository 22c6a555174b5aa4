"""TRANSPOSE_CONV equals TFLM in every attribute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import transpose_conv


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any stride, kernel and output size, int8 and int16."""
    dtype = draw(st.sampled_from(["int8", "int8", "int16"]))
    quantization = draw(quantizations())
    if dtype == "int16":
        quantization |= {"input_zero_point": 0, "input_scale": quantization["input_scale"] / 256}
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return case(
        transpose_conv,
        (draw(st.integers(1, 2)), draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 5))),
        **quantization,
        input_dtype=dtype,
        filters=draw(st.integers(1, 5)),
        kernel=(draw(st.integers(1, 5)), draw(st.integers(1, 5))),
        strides=strides,
        more=tuple(draw(st.integers(0, s - 1)) for s in strides),
        padding=draw(st.sampled_from(["SAME", "VALID"])),
        activation=draw(activations()),
        per_channel=draw(st.booleans()),
        bias=draw(st.sampled_from([True, False] + ["int16"] * (dtype == "int16"))),
    )


@many_models
@given(st.lists(cases(), min_size=BATCH, max_size=BATCH))
def test_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)
