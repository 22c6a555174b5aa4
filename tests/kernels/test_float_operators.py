"""float32 operators between quantized ones, or at a model's edges, equal TFLM bit by bit."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, window
from tests.support import floats
from tests.support.equality import BATCH, Case, assert_equal, case, many_models

EDGES = st.sampled_from(["both", "out", "in"])
SIDES = st.integers(1, 6)


def of(draw: st.DrawFn, operator: Any, shape: tuple[int, ...], /, **attributes: Any) -> Case:
    """The operator at one place of a model: behind DEQUANTIZE, before QUANTIZE, or between them."""
    edges = draw(EDGES)
    return case(
        floats.between,
        shape,
        seed=draw(st.integers(0, 1 << 16)),
        input_dtype="float32" if edges == "in" else "int8",
        input_scale=draw(st.sampled_from([0.0039, 0.05, 0.117])),
        edges=edges,
        of=operator,
        **attributes,
    )


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """Any window, dilated, grouped or depthwise."""
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    (height, *vertical), (width, *horizontal) = draw(window(padding)), draw(window(padding))
    names = "kernel", "strides", "dilation"
    attributes: dict[str, Any] = dict(zip(names, zip(vertical, horizontal, strict=True), strict=True))
    attributes |= {"padding": padding, "activation": draw(activations()), "bias": draw(st.booleans())}
    batch, depth = draw(st.integers(1, 2)), draw(SIDES)
    if draw(st.booleans()):
        multiplier = draw(st.integers(1, 3))
        return of(draw, floats.depthwise_conv_2d, (batch, height, width, depth), multiplier=multiplier, **attributes)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    attributes |= {"groups": groups, "filters": groups * draw(st.integers(1, 4))}
    return of(draw, floats.conv_2d, (batch, height, width, groups * depth), **attributes)


@st.composite
def pools(draw: st.DrawFn) -> Case:
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    (height, *vertical), (width, *horizontal) = (draw(window(padding, most_dilation=1)) for _ in "hw")
    return of(
        draw,
        floats.pool_2d,
        (draw(st.integers(1, 2)), height, width, draw(SIDES)),
        op=draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"])),
        kernel=(vertical[0], horizontal[0]),
        strides=(vertical[1], horizontal[1]),
        padding=padding,
        activation=draw(activations()),
    )


@st.composite
def transposed(draw: st.DrawFn) -> Case:
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return of(
        draw,
        floats.transpose_conv,
        (draw(st.integers(1, 2)), draw(SIDES), draw(SIDES), draw(SIDES)),
        filters=draw(SIDES),
        kernel=(draw(st.integers(1, 5)), draw(st.integers(1, 5))),
        strides=strides,
        more=tuple(draw(st.integers(0, s - 1)) for s in strides),
        padding=draw(st.sampled_from(["SAME", "VALID"])),
        activation=draw(activations()),
        bias=draw(st.booleans()),
    )


@st.composite
def products(draw: st.DrawFn) -> Case:
    """Dense layers, with and without further axes, and matrix products of any kind."""
    if draw(st.booleans()):
        shape = tuple(draw(st.lists(SIDES, min_size=2, max_size=4)))
        attributes = {"units": draw(SIDES), "activation": draw(activations()), "bias": draw(st.booleans())}
        return of(draw, floats.fully_connected, shape, keep=draw(st.booleans()), **attributes)
    batches = draw(st.lists(st.integers(1, 3), max_size=3))
    sides = [[n if draw(st.booleans()) else 1 for n in batches] for _ in "ab"]
    sides[draw(st.integers(0, 1))] = batches
    rows, depth, columns = (draw(st.integers(1, 6)) for _ in range(3))
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    a = (*sides[0], *((depth, rows) if adj_x else (rows, depth)))
    b = (*sides[1], *((columns, depth) if adj_y else (depth, columns)))
    constant = draw(st.sampled_from(["", "second", "first"]))
    x, other = (b, a) if constant == "first" else (a, b)
    return of(draw, floats.batch_matmul, x, shape=other, adj_x=adj_x, adj_y=adj_y, constant=constant)


@st.composite
def remainders(draw: st.DrawFn) -> Case:
    shape = tuple(draw(st.lists(SIDES, min_size=1, max_size=4)))
    other = tuple(n if draw(st.booleans()) else 1 for n in shape)[draw(st.integers(0, len(shape) - 1)) :]
    return of(draw, floats.floor_mod, shape, shape=other)


@many_models
@given(st.lists(convolutions() | products(), min_size=BATCH, max_size=BATCH))
def test_sums_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)


@many_models
@given(st.lists(pools() | transposed() | remainders(), min_size=BATCH, max_size=BATCH))
def test_the_others_equal_tflm(some: list[Case]) -> None:
    assert_equal(some)
