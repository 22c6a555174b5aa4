"""Functions of one value equal TFLM: tables, straight lines of 16-bit values, float32 inside an int8 model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations, shapes
from tests.support.builder import ModelBuilder, Value
from tests.support.elementwise import in_float, prelu, unary
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tinykit.errors import UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.graph.support import require_supported

COUNT = 512
"""Values in a tensor: enough that uniform vectors hold every byte."""

TABLES = ("ABS", "ELU", "HARD_SWISH", "TANH", "LEAKY_RELU", "RSQRT")


def options(draw: st.DrawFn, op: str) -> dict[str, Any]:
    return {"alpha": draw(st.sampled_from([0.01, 0.3, 1.5, 0.0, -0.7]))} if op == "LEAKY_RELU" else {}


@st.composite
def table_cases(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(TABLES))
    quantization = draw(quantizations())
    ratio = draw(st.sampled_from([1.0, 0.5, 0.37, 1.9]))
    if op == "RSQRT":
        quantization["input_zero_point"] = -128  # TFLM stops at values below the zero point.
    if op == "TANH":
        quantization["input_scale"] = draw(st.floats(2**-16, 7.5, width=32))
    if op == "HARD_SWISH":
        ratio = draw(st.sampled_from([1.0, 0.5, 0.37, 1.9, 20.0]))
    return case(
        unary,
        (1, COUNT),
        **quantization,
        op=op,
        scale=quantization["input_scale"] * ratio,
        zero_point=draw(st.integers(-128, 127)),
        **options(draw, op),
    )


@many_models
@given(st.lists(table_cases(), min_size=BATCH, max_size=BATCH))
def test_tables_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_tables_equal_tflm_where_results_lie_between_two_values() -> None:
    scales = [(0.05, 0.02), (0.1, 0.1), (0.03, 0.04), (0.06, 0.05), (0.0117, 0.0039), (0.3, 0.25)]
    assert_equal(
        [
            case(unary, (1, COUNT), op=op, input_scale=a, input_zero_point=-128 if op == "RSQRT" else 0, scale=b)
            for op in TABLES
            for a, b in scales
        ]
        + [
            case(unary, (1, COUNT), op="LEAKY_RELU", input_scale=a, input_zero_point=0, scale=b, alpha=alpha)
            for a, b in scales
            for alpha in (0.1, 0.2, 0.3)
        ]
    )


@st.composite
def int16_cases(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(["ABS", "LEAKY_RELU", "RELU", "RELU6"]))
    scale = draw(st.sampled_from([0.0001, 0.0013, 0.03]))
    return case(
        unary,
        draw(shapes()),
        op=op,
        input_dtype="int16",
        input_scale=scale,
        input_zero_point=0,
        scale=scale * (1.0 if op == "RELU6" else draw(st.sampled_from([1.0, 0.5, 0.37, 1.9]))),
        zero_point=0,
        **options(draw, op),
    )


@st.composite
def prelu_cases(draw: st.DrawFn) -> Case:
    shape = draw(shapes(2, 4))
    kept = draw(st.integers(0, len(shape) - 1))
    slopes = draw(st.sampled_from([shape[1:], shape[-1:], (*(1,) * kept, *shape[kept:])[1:]]))
    dtype = draw(st.sampled_from(["int8", "int8", "int16", "float32"]))
    quantization = draw(quantizations())
    if dtype == "int16":
        quantization |= {"input_zero_point": 0, "input_scale": quantization["input_scale"] / 256}
    return case(
        prelu,
        shape,
        **quantization,
        input_dtype=dtype,
        shape=slopes,
        alpha_scale=draw(st.sampled_from([0.01, 0.0031])),
        scale=quantization["input_scale"] * draw(st.sampled_from([1.0, 0.4, 1.3])),
        zero_point=draw(st.integers(-128, 127)),
    )


def root_of_magnitude(model: ModelBuilder, x: Value, *, scale: float) -> Value:
    """RSQRT behind ABS, because TFLM stops at values below 0."""
    return unary(model, unary(model, x, op="ABS"), op="RSQRT", scale=scale)


def test_int16_inverse_roots_equal_tflm() -> None:
    common = {"input_dtype": "int16", "input_zero_point": 0}
    scales = [(0.0001, 0.001), (0.0013, 0.0004), (0.03, 0.1), (1 / 32768, 0.01), (1e-6, 0.03)]
    some = [case(root_of_magnitude, (1, 1500), **common, input_scale=a, scale=b) for a, b in scales]
    assert_equal(some, sanitize=True)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize(
    ("scales", "why"), [((1e6, 1e3), "leave nothing"), ((1e4, 1e2), "leave nothing"), ((1e-30, 1e-30), "32 bits")]
)
def test_inverse_roots_that_tflm_cannot_scale_are_refused(dtype: str, scales: tuple[float, float], why: str) -> None:
    one = case(unary, (1, 8), op="RSQRT", input_dtype=dtype, input_zero_point=0, input_scale=scales[0], scale=scales[1])
    with pytest.raises(UnsupportedModel, match=why):
        require_supported(read_graph(one.model))


@many_models
@given(st.lists(int16_cases() | prelu_cases(), min_size=BATCH, max_size=BATCH))
def test_int16_and_prelu_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


FLOAT = (
    *("ABS", "NEG", "SQRT", "RSQRT", "EXP", "LOG", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND"),
    *("RELU", "RELU6", "LEAKY_RELU", "ELU", "HARD_SWISH", "TANH", "LOGISTIC"),
)


def test_float_functions_equal_tflm() -> None:
    """Bit for bit with this machine's C library, which is TFLM's here too; halves are among the values."""
    alpha = {"LEAKY_RELU": {"alpha": 0.3}}
    assert_equal(
        [
            case(in_float, (1, COUNT), op=op, input_scale=scale, input_zero_point=zero, **alpha.get(op, {}))
            for op in FLOAT
            for scale, zero in ((0.5, 1), (0.0371, -128))
        ]
    )


def test_not_equals_tflm() -> None:
    assert_equal([case(unary, (3, 5), op="LOGICAL_NOT", input_dtype="bool")])


def test_sanitizers_find_nothing() -> None:
    tables = [case(unary, (1, 40), op=op, input_zero_point=-128) for op in TABLES]
    wide = [case(unary, (1, 40), op=op, input_dtype="int16", input_zero_point=0) for op in ("ABS", "RELU", "RELU6")]
    floats = [case(in_float, (1, 40), op=op, input_scale=np.float32(0.5)) for op in ("EXP", "ROUND", "HARD_SWISH")]
    assert_equal([*tables, *wide, *floats], sanitize=True)
