"""CONCATENATION and SPLIT in place: no copy, no more memory, and the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.equality import Case, assert_equal
from tests.support.models import ModelBuilder, Value, add, conv_2d, relu6, reshape
from tests.support.movement import concatenation, pack, slice_, split, split_v, strided_slice, transpose, unpack
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan, Step
from tinykit.targets import target

pytest.importorskip("tflite_micro", reason='the judge is not installed: pip install "tinykit[verify]"')


def built(shape: Sequence[int], network: Callable[[ModelBuilder, Value], Value | list[Value]], zero: int = 0) -> bytes:
    model = ModelBuilder(0)
    made = network(model, model.input(shape, zero_point=zero))
    return model.finish([made] if isinstance(made, Value) else made)


def plan_of(data: bytes) -> Plan:
    return make_plan(read_graph(data, "m"), target("host"))


def steps_of(plan: Plan, op: str) -> list[Step]:
    return [s for s in plan.steps if s.op == op]


def halves(m: ModelBuilder, x: Value) -> Value:
    """Two layers side by side, one above the other."""
    one, other = (conv_2d(m, x, filters=4, scale=0.1, zero_point=0, kernel=(1, k)) for k in (1, 2))
    return conv_2d(m, concatenation(m, [one, other], axis=1), filters=1)


def test_layers_write_into_their_concatenation() -> None:
    data = built((1, 6, 6, 4), halves)
    plan = plan_of(data)
    (step,) = steps_of(plan, "CONCATENATION")
    assert step.alias and step.instructions == 0
    whole = plan.buffer(step.outputs[0])
    assert [plan.buffer(i).offset - whole.offset for i in step.inputs] == [0, 6 * 6 * 4]
    assert_equal([Case("halves", data)])


def test_channels_are_copied() -> None:
    data = built((1, 4, 4, 4), lambda m, x: concatenation(m, [relu6(m, x), conv_2d(m, x, scale=x.scale, zero_point=0)]))
    assert not steps_of(plan_of(data), "CONCATENATION")[0].alias
    assert_equal([Case("channels", data)])


def test_parts_are_read_where_they_lie() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        first, second = split(m, relu6(m, x), axis=1, parts=2)
        return add(m, first, second)

    data = built((1, 4, 4, 2), network)
    plan = plan_of(data)
    assert steps_of(plan, "SPLIT")[0].alias
    # ADD writes over the parts: both end with it, and it reads each before it writes there.
    assert plan.arena_bytes == 32
    assert_equal([Case("parts", data)])


def test_parts_off_alignment_are_copied() -> None:
    data = built((7,), lambda m, x: split_v(m, relu6(m, x), axis=0, sizes=(3, 4)))
    step = steps_of(plan_of(data), "SPLIT_V")[0]
    assert [p.offset for p in step.places] == [0]
    assert [c.function for c in step.calls] == ["tk_copy"]
    assert_equal([Case("odd parts", data)])


def test_a_small_part_does_not_keep_a_large_tensor_alive() -> None:
    def network(m: ModelBuilder, x: Value) -> list[Value]:
        kept = slice_(m, conv_2d(m, x, filters=16), begin=(0, 0, 0, 0), size=(1, 1, 8, 16))
        return [kept, conv_2d(m, conv_2d(m, conv_2d(m, x, filters=16), filters=16), filters=16)]

    data = built((1, 8, 8, 2), network)
    assert not steps_of(plan_of(data), "SLICE")[0].alias
    assert_equal([Case("small part", data)])


def test_a_tensor_lies_in_one_concatenation_only() -> None:
    def network(m: ModelBuilder, x: Value) -> list[Value]:
        a, b = relu6(m, x), relu6(m, relu6(m, x))
        return [concatenation(m, [a, b], axis=0), concatenation(m, [b, a], axis=0)]

    data = built((2, 8), network)
    aliases = [s.alias for s in steps_of(plan_of(data), "CONCATENATION")]
    assert sorted(aliases) == [False, True]
    assert_equal([Case("two orders", data)])


def test_nested_and_repeated_parts() -> None:
    def network(m: ModelBuilder, x: Value) -> Value:
        a = relu6(m, x)
        inner = concatenation(m, [a, a], axis=0)
        return concatenation(m, [inner, relu6(m, a), reshape(m, a, shape=x.shape)], axis=0)

    assert_equal([Case("nested", built((2, 8), network))])


LAYERS = [
    "relu",
    "conv",
    "concat",
    "concat",
    "pack",
    "split",
    "unpack",
    "slice",
    "reverse",
    "reshape",
    "add",
    "transpose",
]


@st.composite
def networks(draw: st.DrawFn) -> Case:
    """A pool of tensors (4, 4, k) from which layers take some and to which they add their results."""
    model = ModelBuilder(draw(st.integers(0, 999)))
    pool = [model.input((4, 4, 4), zero_point=0)]
    taken: set[int] = set()

    def pick() -> Value:
        found = pool[draw(st.integers(0, len(pool) - 1))]
        taken.add(found.index)
        return found

    for layer in draw(st.lists(st.sampled_from(LAYERS), min_size=2, max_size=8)):
        x = pick()
        if layer == "relu":
            pool.append(relu6(model, x))
        elif layer == "concat":
            same = [y for y in pool if y.shape[1:] == x.shape[1:]]
            others = [same[draw(st.integers(0, len(same) - 1))] for _ in range(draw(st.integers(1, 2)))]
            taken.update(y.index for y in others)
            pool.append(concatenation(model, [x, *others], axis=0))
        elif layer == "pack":
            pool.append(reshape(model, pack(model, x, axis=0, others=1), shape=(2 * x.shape[0], *x.shape[1:])))
        elif layer == "split" and x.shape[0] % 2 == 0:
            pool += split(model, x, axis=0, parts=2)
        elif layer == "unpack" and x.shape[0] <= 4:
            pool += [reshape(model, y, shape=(1, *y.shape)) for y in unpack(model, x, axis=0)]
        elif layer == "slice":
            begin = draw(st.integers(0, x.shape[0] - 1))
            pool.append(slice_(model, x, begin=(begin, 0, 0), size=(-1, -1, -1)))
        elif layer == "reverse":
            ends = {"begin": (-1, 0, 0), "end": (0, 0, 0), "begin_mask": 7, "end_mask": 7}
            pool.append(strided_slice(model, x, strides=(-1, 1, 1), **ends))
        elif layer == "transpose":
            pool.append(transpose(model, x, order=(0, 2, 1)))
        elif layer == "add":
            same = [y for y in pool if y.shape == x.shape]
            other = same[draw(st.integers(0, len(same) - 1))]
            taken.add(other.index)
            pool.append(add(model, x, other, scale=x.scale, zero_point=0))
    unread = [y for y in pool[1:] if y.index not in taken]
    extra = [y for y in pool[1:] if y.index in taken and draw(st.integers(0, 3)) == 0]
    return Case("network", model.finish(unread + extra or [relu6(model, pool[0])]))


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(networks(), min_size=10, max_size=10))
def test_any_sharing_gives_the_same_bytes(some: list[Case]) -> None:
    assert_equal(some, count=4)
