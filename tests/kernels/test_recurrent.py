"""LSTM and SVDF keep their state as TFLM does, over sequences of inferences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.weighted import lstm, svdf


@st.composite
def lstms(draw: st.DrawFn) -> Case:
    """int8 and int16 activations, quiet gates and saturated ones."""
    quantization = draw(quantizations())
    if draw(st.booleans()):
        quantization |= {
            "input_dtype": "int16",
            "input_zero_point": 0,
            "input_scale": quantization["input_scale"] / 256,
        }
    return case(
        lstm,
        (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 7) | st.just(600))),
        **quantization,
        units=draw(st.integers(1, 9)),
        time_major=draw(st.booleans()),
        cell_clip=draw(st.sampled_from([0.0, 0.0, 0.5, 1e-6, 100.0])),
        cell_scale=draw(st.sampled_from([2.0**-11, 2.0**-12, 2.0**-15, 2.0**-9, 0.0004])),
        hidden_zero_point=draw(st.integers(-128, 127)),
        loudness=draw(st.sampled_from([0.3, 1.0, 8.0])),
    )


@st.composite
def svdfs(draw: st.DrawFn) -> Case:
    """States of int16 and of int8."""
    dtype = draw(st.sampled_from(["int16", "int8"]))
    return case(
        svdf,
        (draw(st.integers(1, 3)), draw(st.integers(1, 20))),
        **draw(quantizations()),
        units=draw(st.integers(1, 5)),
        rank=draw(st.integers(1, 3)),
        memory=draw(st.integers(1, 8)),
        state_dtype=dtype,
        state_zero_point=draw(st.sampled_from([0, 0, 7, -60])) if dtype == "int8" else 0,
        zero_point=draw(st.integers(-128, 127)),
    )


@many_models
@given(st.lists(lstms(), min_size=BATCH // 2, max_size=BATCH // 2))
def test_lstm_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


@many_models
@given(st.lists(svdfs(), min_size=BATCH, max_size=BATCH))
def test_svdf_equals_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_recurrent_layers_run_without_undefined_behaviour() -> None:
    assert_equal(
        [
            case(lstm, (2, 3, 5), units=6, loudness=8.0),
            case(
                lstm, (1, 2, 600), units=3, input_dtype="int16", input_zero_point=0, input_scale=0.0001, time_major=True
            ),
            case(svdf, (2, 9), units=3, memory=7),
        ],
        count=24,
        sanitize=True,
    )
