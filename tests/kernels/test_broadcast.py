"""Operators of two and three tensors equal TFLM: broadcast, constant operands, every type, any scales."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations, shapes
from tests.support.builder import ModelBuilder, Value
from tests.support.elementwise import binary, select_v2
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import relu
from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph

CLAMPED = ("ADD", "SUB", "MUL", "DIV")
PLAIN = ("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM")
COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")


@st.composite
def pairs(draw: st.DrawFn, most_rank: int = 5) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast: each axis is whole in both, or 1 in one of them; the second may have fewer axes."""
    whole = draw(shapes(1, most_rank, 5))
    kinds = [draw(st.sampled_from("bbbxy")) for _ in whole]
    first = tuple(1 if k == "x" else n for n, k in zip(whole, kinds, strict=True))
    second = tuple(1 if k == "y" else n for n, k in zip(whole, kinds, strict=True))
    cut = draw(st.integers(0, len(second) - 1)) if draw(st.booleans()) else 0
    return first, second[cut:]


@st.composite
def quantized_cases(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(["SUB", "SUB", "MUL", "MUL", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM", "ADD"]))
    dtype = draw(st.sampled_from(["int8", "int8", "int16"])) if op != "ADD" else "int16"
    first, second = draw(pairs())
    quantization = draw(quantizations())
    if dtype == "int16":
        quantization |= {"input_zero_point": 0, "input_scale": quantization["input_scale"] / 256}
    natural = {"MUL": 40, "SQUARED_DIFFERENCE": 60}.get(op, 3) * quantization["input_scale"]
    return case(
        binary,
        first,
        **quantization,
        op=op,
        input_dtype=dtype,
        shape=second,
        constant=draw(st.booleans()),
        swapped=draw(st.booleans()),
        other_scale=draw(st.sampled_from([1.0, 1.7, 0.3, 13.0])),
        scale=natural * draw(st.sampled_from([0.1, 1.0, 1.0, 3.0])),
        zero_point=draw(st.sampled_from([4, -128, 127])),
        activation=draw(activations()) if op in CLAMPED else None,
    )


@many_models
@given(st.lists(quantized_cases(), min_size=BATCH, max_size=BATCH))
def test_quantized_operands_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


@st.composite
def plain_cases(draw: st.DrawFn) -> Case:
    """Numbers without quantization."""
    first, second = draw(pairs())
    op = draw(st.sampled_from(PLAIN))
    dtype = draw(st.sampled_from(["float32", "int32", *(["int64"] if op in ("MAXIMUM", "MINIMUM") else [])]))
    return case(
        binary,
        first,
        seed=draw(st.integers(0, 99)),
        op=op,
        input_dtype=dtype,
        shape=second,
        constant=draw(st.booleans()),
        activation=draw(activations()) if op in CLAMPED else None,
    )


@st.composite
def comparison_cases(draw: st.DrawFn) -> Case:
    first, second = draw(pairs())
    op = draw(st.sampled_from([*COMPARISONS, "LOGICAL_AND", "LOGICAL_OR"]))
    types = ["bool"] if op.startswith("LOGICAL") else ["int8", "int8", "int32", "int64", "float32"]
    if op in ("EQUAL", "NOT_EQUAL"):
        types.append("bool")
    return case(
        binary,
        first,
        **draw(quantizations()),
        op=op,
        input_dtype=draw(st.sampled_from(types)),
        shape=second,
        constant=draw(st.booleans()),
        other_scale=draw(st.sampled_from([1.0, 1.7, 0.01])),
        dtype="bool",
    )


@st.composite
def select_cases(draw: st.DrawFn) -> Case:
    first, second = draw(pairs())
    condition = draw(st.sampled_from([first, second, (1,)]))
    dtype = draw(st.sampled_from(["int8", "int16", "float32"]))
    return case(select_v2, condition, input_dtype="bool", dtype=dtype, first=first, second=second)


@many_models
@given(st.lists(plain_cases() | comparison_cases() | select_cases(), min_size=BATCH, max_size=BATCH))
def test_plain_numbers_comparisons_and_choices_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


@pytest.mark.parametrize("constant", [True, False])
def test_quotients_equal_tflm(constant: bool) -> None:
    """A float divisor that is computed may be 0; integer ones that TFLM could not divide by are left out."""
    types = ["int8", "int32", "float32"] if constant else ["float32"]
    assert_equal(
        [
            case(
                binary,
                (2, 3, 50),
                op="DIV",
                input_dtype=dtype,
                input_scale=scale,
                input_zero_point=zero,
                shape=(3, 50),
                constant=constant,
                nonzero=True,
                scale=out,
                zero_point=-20,
                activation=activation,
            )
            for dtype in types
            for scale, zero, out in ((0.05, -3, 0.02), (0.9, 100, 0.5), (0.01, -128, 4.0), (0.05, 7, 0.0001))
            for activation in ("NONE", "RELU6")
        ]
    )


def test_ties_of_the_rounding_equal_tflm() -> None:
    """Round scales put many results halfway between two values, where a multiplier's last bit decides."""
    scales = [(0.05, 1.7, 0.02), (0.9, 1.0, 0.5), (0.1, 0.3, 0.1), (0.03, 1.0, 0.04), (0.06, 1.7, 0.05)]
    assert_equal(
        [
            case(
                binary,
                (2, 3, 50),
                op=op,
                input_scale=scale,
                input_zero_point=0,
                other_scale=other,
                shape=(3, 50),
                constant=True,
                nonzero=True,
                scale=out,
                input_dtype=dtype,
            )
            for op, dtype in (("SUB", "int8"), ("SUB", "int16"), ("MUL", "int8"), ("DIV", "int8"), ("ADD", "int8"))
            for scale, other, out in scales
        ],
        count=48,
    )


def then_relu(model: ModelBuilder, x: Value, **attributes: Any) -> Value:
    """An operator of two operands and a RELU in its output's quantization."""
    return relu(model, binary(model, x, **attributes))


@pytest.mark.parametrize("op", CLAMPED)
def test_relu_goes_into_its_producer(op: str) -> None:
    one = case(then_relu, (3, 50), op=op, constant=True, nonzero=True, scale=0.3, zero_point=-20)
    assert [o.options.activation for o in rewrite(read_graph(one.model, "m")).operators] == ["RELU"]
    assert_equal([one])


def test_sanitizers_find_nothing() -> None:
    types = {"SUB": "int16", "MUL": "int8", "SQUARED_DIFFERENCE": "int16", "MAXIMUM": "int32", "DIV": "int8"}
    assert_equal(
        [
            case(binary, (3, 7), op=op, input_dtype=t, input_zero_point=0, constant=True, nonzero=True)
            for op, t in types.items()
        ],
        sanitize=True,
    )
