"""What TFLM refuses of the operators that move values, or leaves undefined, is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason='model building needs the verify extra: pip install "tinykit[verify]"')

from tests.support.models import ModelBuilder, Value
from tests.support.movement import (
    concatenation,
    fill,
    gather,
    gather_nd,
    integers,
    mirror_pad,
    pad_any,
    resize,
    reverse,
    slice_,
    space_to_depth,
    split,
    strided_slice,
    tile,
    transpose,
)
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems
from tinykit.validate.judge_worker import Worker

Network = Callable[[ModelBuilder, Value], Value]


def other_scale(m: ModelBuilder, x: Value) -> Value:
    return concatenation(m, [x, m.input(x.shape, x.scale * 2, x.zero_point)], axis=0)


def fused(m: ModelBuilder, x: Value) -> Value:
    options = {"axis": 0, "fusedActivationFunction": 1}
    return m.operator("CONCATENATION", [x, x], (8, 6), x.scale, x.zero_point, **options)


def computed_order(m: ModelBuilder, x: Value) -> Value:
    return m.operator("TRANSPOSE", [x, m.input((2,), dtype="int32")], (6, 4), x.scale, x.zero_point)


def ellipsis(m: ModelBuilder, x: Value) -> Value:
    inputs = [x, *(integers(m, v) for v in ([0, 0], [4, 6], [1, 1]))]
    return m.operator("STRIDED_SLICE", inputs, (4, 6), x.scale, x.zero_point, ellipsisMask=1)


def padded_batches(m: ModelBuilder, x: Value) -> Value:
    inputs = [x, integers(m, [2]), integers(m, [[0, 2]])]
    return m.operator("SPACE_TO_BATCH_ND", inputs, (2, 2, 6), x.scale, x.zero_point)


def outside(m: ModelBuilder, x: Value) -> Value:
    return m.operator("GATHER", [x, integers(m, [0, 4])], (2, 6), x.scale, x.zero_point)


def coordinates_outside(m: ModelBuilder, x: Value) -> Value:
    return m.operator("GATHER_ND", [x, integers(m, [[3, 6]])], (1,), x.scale, x.zero_point)


def uneven(m: ModelBuilder, x: Value) -> Value:
    first = m.operator("SPLIT", [integers(m, 0), x], (1, 6), x.scale, x.zero_point, numSplits=2)
    m.further_output((3, 6), x.scale, x.zero_point, dtype="int8")
    return first


def both_ways(m: ModelBuilder, x: Value) -> Value:
    return resize(m, x, size=(2, 2), align_corners=True, half_pixel_centers=True)


BAD: list[tuple[Network, tuple[int, ...], str]] = [
    (other_scale, (4, 6), "TFLM refuses"),
    (fused, (4, 6), "fused RELU"),
    (lambda m, x: concatenation(m, [x] * 1025, axis=0), (1, 1), "1025 inputs"),
    (lambda m, x: strided_slice(m, x, begin=[0] * 6, end=[1] * 6, strides=[1] * 6), (1, 1, 1, 1, 1, 2), "dimensions"),
    (computed_order, (4, 6), "not constant"),
    (lambda m, x: transpose(m, x, order=(5, 4, 3, 2, 1, 0)), (1, 2, 1, 2, 1, 2), "TFLM takes 1 to 5"),
    (ellipsis, (4, 6), "ellipsis_mask"),
    (lambda m, x: strided_slice(m, x, begin=[3], end=[0], strides=[-1], shrink_mask=1), (4,), "leave nothing"),
    (padded_batches, (1, 2, 6), "whatever its memory holds"),
    (outside, (4, 6), "outside 0 to 3"),
    (coordinates_outside, (4, 6), "outside"),
    (uneven, (4, 6), "not equal"),
    (both_ways, (1, 4, 6, 1), "at once"),
    (lambda m, x: reverse(m, x, axes=(0, 2)), (2, 3, 4), "side by side"),
    (lambda m, x: mirror_pad(m, x, paddings=[(4, 0), (0, 0)]), (4, 6), "more than"),
    (lambda m, x: pad_any(m, x, paddings=[(0, 0)] * 6), (1, 1, 1, 1, 1, 2), "dimensions"),
    (lambda m, x: tile(m, x, times=(1,) * 5), (1, 1, 1, 1, 2), "dimensions"),
]


@pytest.mark.parametrize(("network", "shape", "words"), BAD, ids=[b[2] for b in BAD])
def test_what_cannot_be_compiled_is_named(network: Network, shape: tuple[int, ...], words: str) -> None:
    model = ModelBuilder(0)
    found = problems(read_graph(model.finish([network(model, model.input(shape))])))
    assert any(words in p.why for p in found), found
    assert all(p.layer and p.fix for p in found)


TYPES: list[tuple[Network, tuple[int, ...], tuple[str, ...]]] = [
    (lambda m, x: transpose(m, x, order=(1, 0)), (2, 3), ("int8", "int16", "float32")),
    (lambda m, x: concatenation(m, [x, x], axis=0), (2, 3), ("int8", "int16", "int32", "int64", "float32", "bool")),
    (lambda m, x: split(m, x, axis=0, parts=2)[0], (2, 3), ("int8", "int16", "int32", "float32")),
    (lambda m, x: slice_(m, x, begin=(0, 1), size=(1, 1)), (2, 3), ("int8", "int16", "int32", "float32", "bool")),
    (lambda m, x: pad_any(m, x, paddings=[(1, 0), (0, 1)]), (2, 3), ("int8", "int16", "int32", "float32")),
    (lambda m, x: mirror_pad(m, x, paddings=[(1, 0), (0, 1)]), (2, 3), ("int8", "float32")),
    (lambda m, x: gather(m, x, indices=(2,)), (2, 3), ("int8", "float32")),
    (lambda m, x: gather_nd(m, x, indices=(2, 1)), (2, 3), ("int8", "float32")),
    (lambda m, x: space_to_depth(m, x, block=2), (1, 2, 2, 1), ("int8", "float32")),
    (lambda m, x: resize(m, x, size=(3, 3)), (1, 2, 2, 1), ("int8", "float32")),
    (
        lambda m, x: resize(m, x, size=(3, 3), op="RESIZE_NEAREST_NEIGHBOR"),
        (1, 2, 2, 1),
        ("int8", "int16", "float32"),
    ),
    (lambda m, x: fill(m, x, shape=(2, 2)), (), ("int8", "int32", "float32")),
    (
        lambda m, x: reverse(m, x, axes=(1,)),
        (2, 3),
        ("int8", "int16", "int32", "int64", "uint8", "float32", "bool"),
    ),
]


@pytest.mark.parametrize(("network", "shape", "types"), TYPES, ids=range(len(TYPES)))
def test_the_types_are_those_of_tflm(network: Network, shape: tuple[int, ...], types: tuple[str, ...]) -> None:
    for dtype in ("int8", "int16", "int32", "int64", "uint8", "float32", "bool"):
        model = ModelBuilder(0)
        data = model.finish([network(model, model.input(shape, zero_point=0, dtype=dtype))])
        assert (problems(read_graph(data)) == []) == (dtype in types), dtype
        try:
            Worker(data, 1 << 16).run([np.zeros((1, *shape), dtype)])
            taken = True
        except (RuntimeError, ValueError):
            taken = False
        assert taken == (dtype in types), dtype
