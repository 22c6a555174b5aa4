"""Test vectors are repeatable, in range, and reach the corners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit.errors import InputError
from tinykit.graph.model import Graph, Operator, Quantization, Tensor
from tinykit.validate.vectors import vectors


def quantization(scale: float, zero_point: int) -> Quantization:
    return Quantization(np.array([scale], np.float32), np.array([zero_point], np.int64))


def graph_of(*inputs: Tensor) -> Graph:
    tensors = {t.index: t for t in inputs}
    return Graph("test", tensors, (), tuple(tensors), (), sha256="", size=0)


def int8(index: int = 0, shape: tuple[int, ...] = (1, 6, 5), zero_point: int = -3) -> Tensor:
    return Tensor(index, f"input_{index}", shape, "int8", quantization(0.1, zero_point))


@given(
    count=st.integers(1, 60),
    seed=st.integers(0, 2**32),
    zero_point=st.integers(-128, 127),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
@settings(max_examples=50, deadline=None)
def test_shape_dtype_and_repeatability(count, seed, zero_point, shape):
    graph = graph_of(int8(shape=tuple(shape), zero_point=zero_point))
    (batch,) = vectors(graph, count, seed)
    assert batch.shape == (count, *shape)
    assert batch.dtype == np.int8
    np.testing.assert_array_equal(batch, vectors(graph, count, seed)[0])
    np.testing.assert_array_equal(batch, vectors(graph, count + 7, seed)[0][:count])


def test_corners_are_reached_within_one_turn():
    (batch,) = vectors(graph_of(int8()), 12, 0)
    flat = batch.reshape(12, -1)
    for constant in (-128, 127, -3):
        assert (flat == constant).all(axis=1).any()
    assert any(set(v) == {-128, 127} and (v[::2] == v[0]).all() and (v[1::2] == v[1]).all() for v in flat)
    assert any(sorted(np.unique(v, return_counts=True)[1]) == [1, flat.shape[1] - 1] for v in flat)


def test_noise_reaches_every_value():
    (batch,) = vectors(graph_of(int8(shape=(1, 40, 40))), 24, 0)
    assert np.unique(batch).size == 256


def test_another_seed_gives_other_vectors():
    graph = graph_of(int8())
    assert not np.array_equal(vectors(graph, 5, 0)[0], vectors(graph, 5, 1)[0])


def test_several_inputs_combine_like_and_unlike_kinds():
    first, second = vectors(graph_of(int8(0), int8(1, zero_point=7)), 200, 0)
    pairs = {
        (a, b)
        for a, b in zip(first.reshape(200, -1).tolist(), second.reshape(200, -1).tolist(), strict=True)
        for a, b in [(a[0] if len(set(a)) == 1 else None, b[0] if len(set(b)) == 1 else None)]
    }
    assert {(127, 127), (-128, -128), (127, -128), (-128, 127)} <= pairs


@pytest.mark.parametrize("dtype, low, high", [("uint8", 0, 255), ("int16", -32768, 32767), ("bool", 0, 1)])
def test_other_types_use_their_own_range(dtype, low, high):
    (batch,) = vectors(graph_of(Tensor(0, "x", (1, 50), dtype)), 24)
    assert batch.dtype == np.dtype(dtype)
    assert int(batch.min()) == low
    assert int(batch.max()) == high


def test_float_inputs_span_what_their_quantize_can_hold():
    x = Tensor(0, "x", (1, 400), "float32")
    q = Tensor(1, "q", (1, 400), "int8", quantization(0.5, 10))
    graph = graph_of(x, q).with_changes(
        operators=(Operator("quantize", "QUANTIZE", (0,), (1,)),), inputs=(0,), outputs=(1,)
    )
    (batch,) = vectors(graph, 24)
    assert batch.dtype == np.float32
    assert np.isfinite(batch).all()
    assert batch.min() <= (-128 - 10) * 0.5
    assert batch.max() >= (127 - 10) * 0.5
    quanta = batch / 0.5
    assert (np.abs(quanta - np.floor(quanta)) == 0.5).sum() > 100, "ties of the rounding"


@pytest.mark.parametrize("count, seed", [(0, 0), (-1, 0), (1, -1)])
def test_nonsense_is_refused(count, seed):
    with pytest.raises(InputError, match="at least 1"):
        vectors(graph_of(int8()), count, seed)
