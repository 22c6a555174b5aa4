"""Operators that only move values equal TFLM: every type, axis, mask and shape that it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import shapes
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, relu6
from tests.support.movement import (
    batch_to_space,
    broadcast_to,
    concatenated,
    concatenation,
    depth_to_space,
    embedding_lookup,
    expand_dims,
    fill,
    gather,
    gather_nd,
    mirror_pad,
    pack,
    pad_any,
    resize,
    reverse,
    slice_,
    space_to_batch,
    space_to_depth,
    split,
    split_v,
    squeeze,
    strided_slice,
    transpose,
    unpack,
)
from tinykit.graph.reader import read_graph
from tinykit.kernels.movement import collapse
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.targets import target
from tinykit.validate.parity import verify

SMALL = st.integers(1, 4)


def of_type(draw: st.DrawFn, *types: str) -> dict[str, Any]:
    """An element type, with a quantization that every operator takes."""
    dtype = draw(st.sampled_from(types))
    zero_point = draw(st.sampled_from([-128, -3, 0, 127])) if dtype == "int8" else 0
    return {"input_dtype": dtype, "input_zero_point": zero_point, "seed": draw(st.integers(0, 999))}


@st.composite
def reordered(draw: st.DrawFn) -> Case:
    """Every value moves, none is left out."""
    kind = draw(
        st.sampled_from(["transpose", "transpose", "reverse", "broadcast", "depth", "space", "batch", "unbatch"])
    )
    block, two = draw(st.integers(1, 3)), ("int8", "float32")
    if kind == "transpose":
        shape = draw(shapes(1, 5, 4))
        order = draw(st.permutations(range(len(shape))))
        return case(transpose, shape, order=order, **of_type(draw, "int8", "int16", "float32"))
    if kind == "reverse":
        shape = draw(shapes(1, 5, 4))
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(shape) - 1)] * 2)))
        axes = [a - len(shape) if draw(st.booleans()) else a for a in draw(st.permutations(range(first, last + 1)))]
        return case(reverse, shape, axes=axes, **of_type(draw, "int8", "int16", "int32", "uint8", "float32", "bool"))
    if kind == "broadcast":
        shape = draw(shapes(1, 5, 4))
        start = draw(st.integers(0, len(shape) - 1))
        given_shape = [1 if draw(st.booleans()) else n for n in shape[start:]]
        dtype = draw(st.sampled_from(["int32", "int64"]))
        types = of_type(draw, "int8", "int16", "int32", "uint8", "float32", "bool")
        return case(broadcast_to, given_shape, shape=shape, dtype=dtype, **types)
    n, rows, columns, channels = draw(st.tuples(st.integers(1, 2), SMALL, SMALL, SMALL))
    if kind == "depth":
        return case(space_to_depth, (n, rows * block, columns * block, channels), block=block, **of_type(draw, *two))
    if kind == "space":
        return case(depth_to_space, (n, rows, columns, channels * block**2), block=block, **of_type(draw, *two))
    inner = (rows, columns)[: draw(st.integers(1, 2))]
    blocks = [draw(st.integers(1, 3)) for _ in inner]
    if kind == "batch":
        large = [size * b for size, b in zip(inner, blocks, strict=True)]
        return case(space_to_batch, (n, *large, channels), blocks=blocks, **of_type(draw, *two))
    crops = []
    for size, b in zip(inner, blocks, strict=True):
        before = draw(st.integers(0, size * b - 1))
        crops.append((before, draw(st.integers(0, size * b - 1 - before))))
    if draw(st.booleans()):
        crops = [(0, 0)] * len(inner)
    shape = (n * int(np.prod(blocks)), *inner, channels)
    return case(batch_to_space, shape, blocks=blocks, crops=crops, **of_type(draw, *two))


@st.composite
def cut(draw: st.DrawFn) -> Case:
    """A part of the tensor, by positions."""
    if draw(st.booleans()):
        shape = draw(shapes(1, 5, 5))
        begin = [draw(st.integers(0, n - 1)) for n in shape]
        size = [draw(st.sampled_from([-1, draw(st.integers(1, n - b))])) for n, b in zip(shape, begin, strict=True)]
        dtype = draw(st.sampled_from(["int32", "int64"]))
        types = of_type(draw, "int8", "int16", "int32", "float32", "bool")
        return case(slice_, shape, begin=begin, size=size, dtype=dtype, **types)
    shape = draw(shapes(1, 4, 6))
    masks = {name: draw(st.integers(0, 15)) for name in ("begin_mask", "end_mask", "shrink_mask")}
    masks["begin_mask"] &= ~masks["shrink_mask"]
    shrinks = [masks["shrink_mask"] >> axis & 1 for axis in range(len(shape))]
    strides = [draw(st.sampled_from([1, 1, 2, 3] + [-1, -2] * (1 - s))) for s in shrinks]
    begin, end = [], []
    for axis, (n, stride) in enumerate(zip(shape, strides, strict=True)):
        first = draw(st.integers(-n, n - 1))
        place = 0 if masks["begin_mask"] >> axis & 1 and stride > 0 else first % n
        place = n - 1 if masks["begin_mask"] >> axis & 1 and stride < 0 else place
        begin.append(first)
        # An end behind the axis is clamped; before its start it is written as -n - 1.
        end.append(draw(st.integers(place + 1, n + 2)) if stride > 0 else draw(st.integers(-n - 2, place - n - 1)))
    types = of_type(draw, "int8", "int16", "int32", "float32", "bool")
    return case(strided_slice, shape, begin=begin, end=end, strides=strides, **masks, **types)


@st.composite
def parts(draw: st.DrawFn) -> Case:
    """Tensors side by side, and one tensor taken apart."""
    kind = draw(st.sampled_from(["concatenation", "concatenation", "split", "split_v", "pack", "unpack"]))
    shape = list(draw(shapes(1, 4, 4)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 5), min_size=0 if kind == "concatenation" else 1, max_size=4))
    four = ("int8", "int16", "int32", "float32")
    if kind == "concatenation":
        constant = draw(st.none() | st.integers(0, 3))
        return case(concatenated, shape, axis=axis, sizes=sizes, constant=constant, **of_type(draw, *four, "bool"))
    if kind == "pack":
        axis = draw(st.integers(-len(shape) - 1, len(shape)))
        return case(pack, shape, axis=axis, others=draw(st.integers(0, 3)), **of_type(draw, *four))
    if kind == "unpack":
        return case(unpack, shape, axis=axis, **of_type(draw, *four))
    if kind == "split":
        count = draw(st.integers(1, 4))
        shape[axis] *= count
        return case(split, shape, axis=axis, parts=count, **of_type(draw, *four))
    shape[axis] = sum(sizes)
    return case(split_v, shape, axis=axis, sizes=sizes, **of_type(draw, *four))


@st.composite
def grown(draw: st.DrawFn) -> Case:
    """More values than before, or axes of 1 that come and go."""
    kind = draw(st.sampled_from(["pad", "pad", "mirror", "mirror", "squeeze", "expand", "fill"]))
    shape = draw(shapes(1, 5 if kind == "pad" else 4, 5))
    if kind == "pad":
        amounts = [(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in shape]
        value = draw(st.none() | st.integers(-128, 127))
        return case(pad_any, shape, paddings=amounts, value=value, **of_type(draw, "int8", "int16", "int32", "float32"))
    if kind == "mirror":
        symmetric = draw(st.booleans())
        most = [n if symmetric else n - 1 for n in shape]
        amounts = [(draw(st.integers(0, n)), draw(st.integers(0, n))) for n in most]
        return case(mirror_pad, shape, paddings=amounts, symmetric=symmetric, **of_type(draw, "int8", "float32"))
    if kind == "fill":
        dtype = draw(st.sampled_from(["int32", "int64"]))
        return case(fill, (), shape=shape, dtype=dtype, **of_type(draw, "int8", "int32", "float32"))
    if kind == "expand":
        return case(
            expand_dims,
            shape,
            axis=draw(st.integers(-len(shape) - 1, len(shape))),
            **of_type(draw, "int8", "int16", "float32"),
        )
    shape = (1, *shape, 1)
    axes = draw(st.sampled_from([(), (0,), (-1,), (-1, 0)]))
    return case(squeeze, shape, axes=axes, **of_type(draw, "int8", "int16", "int32", "uint8", "float32", "bool"))


@pytest.mark.parametrize("space", [reordered, cut, parts, grown])
def test_equals_tflm(space) -> None:
    @many_models
    @given(st.lists(space(), min_size=BATCH, max_size=BATCH))
    def holds(some: list[Case]) -> None:
        assert_equal(some)

    holds()


def plan_of(one: Case) -> Plan:
    return make_plan(read_graph(one.model, "m"), target("host"))


def test_what_is_the_same_bytes_takes_no_code() -> None:
    same = [
        case(transpose, (1, 3, 1, 4), order=(0, 2, 1, 3)),
        case(squeeze, (1, 3, 1, 2)),
        case(expand_dims, (3, 2), axis=1),
        case(concatenated, (2, 3), axis=1, sizes=()),
        case(slice_, (2, 3), begin=(0, 0), size=(-1, 3)),
        case(space_to_batch, (1, 4, 1), blocks=(4,)),
    ]
    assert_equal(same)
    for one in same:
        assert all(step.alias for step in plan_of(one).steps), one


def test_runs_are_copied_at_once() -> None:
    plan = plan_of(case(concatenated, (4, 4, 6), axis=1, sizes=(2,)))
    assert [call.shape["run"] for call in plan.steps[0].calls] == [24, 12]


def test_loops_that_follow_each_other_become_one() -> None:
    x, y = np.empty((4, 5, 6, 7), np.int16), np.empty((6, 4, 5, 7), np.int16)
    assert collapse(x.transpose(2, 0, 1, 3), y) == ([(6, 14, 280), (20, 84, 14)], 14)


def test_a_fill_of_zeros_is_one_memset() -> None:
    plan = plan_of(case(pad_any, (2, 3), paddings=((1, 1), (0, 0)), input_dtype="float32"))
    assert [call.function for call in plan.steps[0].calls] == ["tk_fill", "tk_copy"]


def test_kernels_are_clean_under_the_sanitizers() -> None:
    some = [
        case(transpose, (2, 3, 4, 5), order=(3, 1, 0, 2), input_dtype="float32"),
        case(strided_slice, (5, 6), begin=(-1, 5), end=(-9, 0), strides=(-2, -3)),
        case(mirror_pad, (4, 5, 2), paddings=((3, 3), (1, 4), (0, 1))),
        case(pad_any, (2, 3), paddings=((1, 0), (2, 1)), value=300, input_dtype="int16", input_zero_point=0),
        case(batch_to_space, (12, 3, 4, 2), blocks=(2, 3), crops=((1, 2), (0, 4))),
        case(concatenated, (2, 3, 2), axis=-1, sizes=(2, 5), constant=1),
        case(gather, (3, 4, 2), indices=(3, 2), axis=1, batch_dims=1, computed=True),
        case(gather_nd, (3, 4, 2), indices=(5, 2)),
        case(embedding_lookup, (3,), rows=(5, 4), output="float32", input_dtype="int32"),
        case(resize, (2, 3, 4, 3), size=(7, 2), half_pixel_centers=True),
        case(resize, (1, 3, 4, 3), size=(2, 9), align_corners=True, input_dtype="float32"),
        case(resize, (2, 3, 4, 3), size=(7, 2), op="RESIZE_NEAREST_NEIGHBOR"),
    ]
    assert_equal(some, sanitize=True)


def test_a_chain_keeps_every_copy_at_full_optimisation() -> None:
    """GCC 12 at -O2 took the first copy of such a chain for dead when it could clone kernels."""
    model = ModelBuilder(1)
    x = relu6(model, transpose(model, model.input((1, 8, 8, 8), zero_point=0), order=(0, 3, 1, 2)))
    x = mirror_pad(model, x, paddings=((0, 0), (0, 0), (2, 2), (2, 2)))
    x = strided_slice(model, x, begin=[0] * 4, end=[1, 8, 12, 12], strides=[1, 1, 2, 1])
    x = resize(model, concatenation(model, [x, relu6(model, x)], axis=3), size=(6, 9))
    x = pad_any(model, gather(model, x, indices=(5,), axis=1), paddings=((0, 0), (1, 0), (1, 0), (0, 0)))
    result = verify(model.finish([space_to_depth(model, x, block=2)]), vectors=12)
    assert result["bit_exact"], result["first_divergent_layer"]
