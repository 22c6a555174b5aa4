"""Reductions, operators along an axis or on rows, and CAST equal TFLM."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations, shapes
from tests.support.builder import ModelBuilder, Value
from tests.support.elementwise import cast, in_float, requantize_through, unary
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.reductions import arg_extreme, cumsum, reduction
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostModel
from tinykit.validate.judge import Judge

TYPES = ("int8", "int8", "float32")


@st.composite
def reduction_cases(draw: st.DrawFn) -> Case:
    shape = draw(shapes(1, 4))
    rank = len(shape)
    axes = draw(st.lists(st.integers(-rank, rank - 1), min_size=1, max_size=rank))
    op = draw(st.sampled_from(["SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN"]))
    types = TYPES if op.startswith("REDUCE") else (*TYPES, "int16")
    quantization = draw(quantizations()) | {"input_dtype": draw(st.sampled_from(types))}
    if quantization["input_dtype"] == "int16":
        quantization |= {"input_zero_point": 0, "input_scale": quantization["input_scale"] / 256}
    other = {"scale": quantization["input_scale"] * draw(st.sampled_from([1.0, 2.7, 11.0]))}
    return case(
        reduction,
        shape,
        **quantization,
        op=op,
        axes=axes,
        keep_dims=draw(st.booleans()),
        **({} if op.startswith("REDUCE") else other),
    )


@st.composite
def axis_cases(draw: st.DrawFn) -> Case:
    shape = draw(shapes(1, 4, 8))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    quantization = draw(quantizations()) | {"input_dtype": draw(st.sampled_from(TYPES))}
    if draw(st.booleans()):
        op = draw(st.sampled_from(["ARG_MAX", "ARG_MIN"]))
        return case(arg_extreme, shape, **quantization, op=op, axis=axis)
    return case(
        cumsum,
        shape,
        **quantization,
        axis=axis,
        exclusive=draw(st.booleans()),
        reverse=draw(st.booleans()),
        scale=quantization["input_scale"] * draw(st.sampled_from([1.0, 3.3])),
        zero_point=draw(st.integers(-128, 127)),
    )


@st.composite
def row_cases(draw: st.DrawFn) -> Case:
    shape = (*draw(shapes(0, 2, 4)), draw(st.sampled_from([1, 2, 3, 10, 200])))
    quantization = draw(quantizations()) | {"input_dtype": draw(st.sampled_from(TYPES))}
    if draw(st.booleans()):
        return case(unary, shape, **quantization, op="L2_NORMALIZATION", scale=1 / 128, zero_point=0)
    quantization["input_scale"] = draw(st.sampled_from([0.0001, 0.0039, 0.02, 0.05, 0.117, 0.5847, 3.0]))
    return case(unary, shape, **quantization, op="LOG_SOFTMAX", scale=16 / 256, zero_point=127)


@many_models
@given(st.lists(reduction_cases() | axis_cases() | row_cases(), min_size=2 * BATCH, max_size=2 * BATCH))
def test_axes_and_rows_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_casts_equal_tflm() -> None:
    """Fractions are cut off, floats that are too large saturate."""
    sources = ("int8", "int16", "int32", "bool", "float32")
    assert_equal(
        [
            case(cast, (4, 50), input_dtype=x, input_zero_point=0, dtype=y)
            for x in sources
            for y in ("int8", "int16", "int32", "float32", "bool")
        ]
        + [case(in_float_to, (1, 200), input_scale=s, dtype=y) for s in (0.37, 1e9) for y in ("int8", "int16", "int32")]
    )


def in_float_to(model: ModelBuilder, x: Value, *, dtype: str) -> Value:
    """CAST of a float32 that is not small."""
    return cast(model, in_float(model, x, op="NEG"), dtype=dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_casts_of_floats_out_of_range_equal_tflm(dtype: str) -> None:
    limits = [127.9, 128, -128.9, -129, 32767.5, 40000, 2147483520, 2147483648, -2147483648, -2147483904, -0.9]
    values = np.array([[[np.nan, np.inf, -np.inf, *limits]]], np.float32)
    one = case(cast, values.shape[1:], input_dtype="float32", dtype=dtype)
    ours = HostModel(make_plan(read_graph(one.model, "m"), target("host")), sanitize=True).run_many(values)
    with Judge(one.model) as judge:
        np.testing.assert_array_equal(ours[0], judge.run_many(values))


def test_wide_requantization_equals_tflm() -> None:
    chains = [("int32", "int8"), ("int32", "int16"), ("int16", "int32", "int16"), ("int16", "int16"), ("int16", "int8")]
    assert_equal(
        [
            case(
                requantize_through,
                (1, 300),
                input_scale=s,
                types=types,
                scales=[s / 300 / (k + 1), s * 0.7, s][: len(types)],
            )
            for k, types in enumerate(chains)
            for s in (0.05, 0.0117)
        ]
    )


def test_sanitizers_find_nothing() -> None:
    assert_equal(
        [
            case(cumsum, (3, 40), exclusive=True, input_zero_point=-128),
            case(unary, (2, 30), op="L2_NORMALIZATION", scale=1 / 128, zero_point=0),
            case(unary, (2, 30), op="LOG_SOFTMAX", scale=16 / 256, zero_point=127),
            case(reduction, (4, 5, 6), op="SUM", axes=(0, 2), input_dtype="int16", input_zero_point=0, scale=0.5),
            case(in_float_to, (1, 40), input_scale=1e9, dtype="int8"),
        ],
        sanitize=True,
    )
