"""LOGISTIC, RELU, RELU6, QUANTIZE and DEQUANTIZE equal TFLM for every input byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, dequantize, logistic, quantize, relu, relu6
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostModel
from tinykit.validate.parity import verify

COUNT = 512
"""Values in a tensor: enough that uniform vectors hold every byte."""


@st.composite
def integer_cases(draw: st.DrawFn) -> Case:
    """One of the operators on int8, with any quantization that TFLM takes."""
    make = draw(st.sampled_from([logistic, relu, relu6, quantize]))
    quantization = draw(quantizations())
    if make is logistic:
        quantization["input_scale"] = draw(st.floats(2.0**-16, 7.5, width=32))
    other = {
        "scale": draw(st.sampled_from([0.003921569, 0.05, 0.117, 0.9])),
        "zero_point": draw(st.integers(-128, 127)),
    }
    return case(make, (1, COUNT), **quantization, **(other if make in (relu, quantize) else {}))


@many_models
@given(st.lists(integer_cases(), min_size=BATCH, max_size=BATCH))
def test_integer_operators_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


def test_logistic_equals_tflm_at_many_scales() -> None:
    scales = np.geomspace(2.0**-25, 7.9, 60)
    assert_equal([case(logistic, (1, COUNT), input_scale=float(s), input_zero_point=5) for s in scales])


def test_conversions_between_types_equal_tflm() -> None:
    pairs = [("int8", "uint8", 7), ("uint8", "int8", -7), ("int8", "int16", 0), ("int16", "int8", -128)]
    assert_equal(
        [
            case(
                quantize,
                (1, COUNT),
                input_dtype=a,
                input_scale=s,
                input_zero_point=0,
                dtype=b,
                scale=0.05,
                zero_point=z,
            )
            for a, b, z in pairs
            for s in (0.05, 0.0123, 0.2)
        ]
        + [
            case(
                quantize,
                (1, COUNT),
                input_dtype="uint8",
                input_zero_point=128,
                input_scale=0.05,
                scale=0.05,
                zero_point=0,
            )
        ]
    )


def test_floats_at_the_edges_equal_tflm() -> None:
    scales = (0.003921569, 0.05, 0.117, 1.0)
    floats = [
        case(quantize, (1, COUNT), input_dtype="float32", scale=s, zero_point=z) for s in scales for z in (-128, 3)
    ]
    wide = [case(quantize, (1, COUNT), input_dtype="float32", scale=s, zero_point=0, dtype="int16") for s in scales]
    back = [
        case(dequantize, (1, COUNT), input_dtype=d, input_scale=s, input_zero_point=z)
        for s in scales
        for d, z in (("int8", -128), ("int8", 17), ("uint8", 128), ("int16", 0))
    ]
    assert_equal([*floats, *wide, *back])


def test_floats_out_of_range_saturate() -> None:
    one = case(quantize, (1, 6), input_dtype="float32", scale=0.5, zero_point=2)
    model = HostModel(make_plan(read_graph(one.model, "m"), target("host")), sanitize=True)
    extremes = np.array([[[np.inf, -np.inf, np.nan, 1e30, -1e30, 0.25]]], np.float32)
    assert model.run_many(extremes)[0].ravel().tolist() == [127, -128, 2, 127, -128, 3]


def test_constants_that_have_no_literal() -> None:
    """Masks of attention hold them."""
    model = ModelBuilder(seed=1)
    x = model.input((1, 4), dtype="float32")
    limits = model.constant(np.array([[-np.inf, np.inf, 1, 2]], np.float32))
    ends = model.operator(
        "MINIMUM", [model.operator("MAXIMUM", [x, limits], x.shape, dtype="float32"), x], x.shape, dtype="float32"
    )
    assert verify(model.finish([ends]), vectors=20)["bit_exact"]
