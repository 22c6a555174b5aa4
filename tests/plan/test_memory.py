"""Buffers that live together keep apart, except as far as a permission goes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tinykit.plan.memory import Alias, Memory, Permission, Request, plan_memory


@st.composite
def problems(draw, most=14):
    """Requests on a time line, with permissions where one dies as another is born, and some aliases."""
    requests = []
    for name in range(draw(st.integers(1, most))):
        first = draw(st.integers(0, 8))
        requests.append(
            Request(
                name,
                size=draw(st.integers(0, 200)),
                first=first,
                last=first + draw(st.integers(0, 3)),
                alignment=draw(st.sampled_from([1, 4, 8])),
            )
        )
    meets = [(a, b) for a, b in itertools.permutations(requests, 2) if a.last == b.first]
    permissions = [Permission(a.name, b.name, draw(st.integers(0, 60))) for a, b in meets if draw(st.booleans())]
    aliases = [(a.name, b.name) for a, b in meets if draw(st.integers(0, 9)) == 0]
    return requests, permissions, aliases


def alias_groups(requests, aliases):
    groups = {r.name: {r.name} for r in requests}
    for a, b, *_ in aliases:
        merged = groups[a] | groups[b]
        for name in merged:
            groups[name] = merged
    return groups


def check(memory: Memory, requests, permissions, aliases) -> None:
    """Assert, byte range against byte range, that the placement is allowed."""
    groups = alias_groups(requests, aliases)
    by_name = {r.name: r for r in requests}
    span = {
        name: (min(by_name[m].first for m in group), max(by_name[m].last for m in group))
        for name, group in groups.items()
    }

    def permitted(a: Request, b: Request) -> bool:
        """Whether a's group may be overwritten by b's, as they lie."""
        granted = [p for p in permissions if p.input in groups[a.name] and p.output in groups[b.name]]
        meet_once = span[a.name][1] == span[b.name][0]
        far_enough = [memory.offsets[p.output] <= memory.offsets[p.input] - p.before for p in granted]
        return bool(granted) and meet_once and all(far_enough)

    for a, b, *offset in aliases:
        assert memory.offsets[a] + sum(offset) == memory.offsets[b]
    for request in requests:
        offset = memory.offsets[request.name]
        assert offset >= 0
        assert offset % request.alignment == 0
        assert offset + request.size <= memory.total
    for a, b in itertools.combinations(requests, 2):
        if b.name in groups[a.name]:
            continue
        together = span[a.name][0] <= span[b.name][1] and span[b.name][0] <= span[a.name][1]
        start_a, start_b = memory.offsets[a.name], memory.offsets[b.name]
        overlap = start_a < start_b + b.size and start_b < start_a + a.size
        if together and overlap and a.size and b.size:
            assert permitted(a, b) or permitted(b, a), (a, b)
    assert memory.total >= memory.lower_bound


@given(problems())
@settings(max_examples=60, deadline=None)
def test_placements_are_sound_and_repeatable(problem):
    memory = plan_memory(*problem)
    check(memory, *problem)
    assert plan_memory(*problem) == memory


@st.composite
def nested_problems(draw):
    """Some buffers hold others, side by side, each at any time while or before or after they do."""
    requests, permissions, aliases = draw(problems(most=8))
    for outer in list(requests):
        offset = draw(st.integers(0, 2)) * 8
        for part in range(draw(st.integers(0, 3))):
            size = draw(st.integers(1, 6)) * 8
            if offset + size > outer.size:
                break
            first = draw(st.integers(0, 8))
            last = first + draw(st.integers(0, 3))
            inner = Request((outer.name, part), size, first, last, draw(st.sampled_from([1, 4, 8])))
            requests.append(inner)
            aliases.append(Alias(outer.name, inner.name, offset))
            offset += size + draw(st.integers(0, 1)) * 8
    meets = [(a, b) for a, b in itertools.permutations(requests, 2) if a.last == b.first]
    permissions += [
        Permission(a.name, b.name, draw(st.integers(0, 60))) for a, b in meets if draw(st.integers(0, 3)) == 0
    ]
    return requests, permissions, aliases


@given(nested_problems())
@settings(max_examples=60, deadline=None)
def test_buffers_inside_others_are_placed_soundly(problem):
    memory = plan_memory(*problem)
    check(memory, *problem)
    assert plan_memory(*problem) == memory


def test_parts_of_a_buffer_keep_all_of_it_alive():
    """y is made of a and b; c lives between them and must not take b's place, though b is not there yet."""
    requests = [Request("a", 96, 0, 0), Request("c", 40, 1, 1), Request("b", 64, 2, 2), Request("y", 160, 3, 3)]
    memory = plan_memory(requests, aliases=[Alias("y", "a", 0), Alias("y", "b", 96)])
    assert memory.offsets["b"] == memory.offsets["a"] + 96 == memory.offsets["y"] + 96
    assert memory.total == memory.lower_bound == 200


def test_an_output_inside_a_buffer_takes_its_inputs_place():
    requests = [Request("x", 64, 0, 1), Request("b", 64, 1, 2), Request("y", 160, 2, 3)]
    memory = plan_memory(requests, [Permission("x", "b", 0)], [Alias("y", "b", 96)])
    assert memory == Memory({"x": 96, "b": 96, "y": 0}, total=160, lower_bound=160)


def test_aliases_that_contradict_are_refused():
    requests = [Request("y", 64, 0, 1), Request("x", 32, 0, 1)]
    with pytest.raises(ValueError, match="otherwise"):
        plan_memory(requests, aliases=[Alias("y", "x", 0), Alias("y", "x", 32)])
    with pytest.raises(ValueError, match="alignment"):
        plan_memory(requests, aliases=[Alias("y", "x", 2)])


@given(problems(most=5))
@settings(max_examples=150, deadline=None)
def test_small_problems_are_solved_exactly(problem):
    """No placement on a coarse grid of offsets is better than the one found."""
    requests, permissions, aliases = problem
    coarse = [Request(r.name, (r.size // 40) * 8, r.first, r.last, 8) for r in requests]
    near = [Permission(p.input, p.output, p.before // 20 * 8) for p in permissions]
    memory = plan_memory(coarse, near, aliases)
    check(memory, coarse, near, aliases)
    groups = alias_groups(coarse, aliases)
    leaders = [r.name for r in coarse if r.name == min(groups[r.name])]
    if memory.total == memory.lower_bound or len(leaders) > 4:
        return
    for places in itertools.product(range(0, memory.total, 8), repeat=len(leaders)):
        offset = dict(zip(leaders, places, strict=True))
        offsets = {r.name: offset[min(groups[r.name])] for r in coarse}
        total = max(offsets[r.name] + r.size for r in coarse)
        if total < memory.total:
            with pytest.raises(AssertionError):
                check(Memory(offsets, total, 0), coarse, near, aliases)


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_chains_reach_the_lower_bound(sizes):
    """In a chain only neighbours meet; with byte alignment the largest pair decides."""
    requests = [Request(i, size, max(i - 1, 0), i, alignment=1) for i, size in enumerate(sizes)]
    memory = plan_memory(requests)
    check(memory, requests, [], [])
    assert memory.lower_bound == max(a + b for a, b in itertools.pairwise(sizes))
    assert memory.total == memory.lower_bound


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_a_chain_in_place_needs_only_its_largest_buffer(sizes):
    requests = [Request(i, size, max(i - 1, 0), i) for i, size in enumerate(sizes)]
    permissions = [Permission(i, i + 1) for i in range(len(sizes) - 1)]
    memory = plan_memory(requests, permissions)
    check(memory, requests, permissions, [])
    assert memory.total == memory.lower_bound == max(sizes)


def test_an_output_stays_its_distance_before_the_input():
    requests = [Request("x", 1000, 0, 0), Request("y", 1000, 0, 0)]
    memory = plan_memory(requests, [Permission("x", "y", before=64)])
    assert memory == Memory({"x": 64, "y": 0}, total=1064, lower_bound=1064)


def test_a_smaller_output_at_a_distance_shares_only_what_it_may():
    requests = [Request("x", 1000, 0, 0), Request("y", 100, 0, 0)]
    assert plan_memory(requests, [Permission("x", "y", before=64)]).total == 1064
    assert plan_memory(requests, [Permission("x", "y", before=200)]).total == 1100


def test_an_input_that_is_read_again_later_is_not_overwritten():
    requests = [Request("x", 100, 0, 2), Request("y", 100, 0, 1), Request("z", 100, 1, 2)]
    memory = plan_memory(requests, [Permission("x", "y"), Permission("y", "z")])
    check(memory, requests, [Permission("y", "z")], [])
    assert memory.total == memory.lower_bound == 200


def test_an_alias_keeps_the_shared_bytes_alive():
    """y is x reshaped and lives on, so z must not take x's place although x itself is dead."""
    requests = [Request("x", 100, 0, 1), Request("y", 100, 1, 3), Request("z", 100, 2, 3)]
    memory = plan_memory(requests, [Permission("x", "z")], [("x", "y")])
    assert memory.offsets["x"] == memory.offsets["y"]
    assert memory.total == 200


def test_one_output_over_two_inputs():
    requests = [Request("a", 96, 0, 0), Request("b", 64, 0, 0), Request("sum", 96, 0, 0)]
    memory = plan_memory(requests, [Permission("a", "sum"), Permission("b", "sum")])
    assert memory.total == memory.lower_bound == 160


def test_unknown_and_repeated_names():
    with pytest.raises(KeyError):
        plan_memory([Request("x", 1, 0, 0)], [Permission("x", "y")])
    with pytest.raises(KeyError, match="twice"):
        plan_memory([Request("x", 1, 0, 0), Request("x", 2, 0, 0)])
    assert plan_memory([]) == Memory({}, 0, 0)


@pytest.mark.shared
@pytest.mark.parametrize("model, floor", [("ad01", 768), ("kws01", 16_000), ("ic01", 49_152), ("vww01", 55_296)])
def test_reference_models_reach_their_floors(shared, model, floor):
    """Operators in the .tflite's order, RESHAPE as an alias, nothing in place."""
    data = (shared / "models" / f"{model}_int8.tflite").read_bytes()
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0)).subgraphs[0]
    computed = [*graph.inputs, *(o.outputs[0] for o in graph.operators)]
    last = len(graph.operators) - 1
    requests, aliases = [], []
    for tensor in computed:
        uses = [n for n, o in enumerate(graph.operators) if tensor in (*o.inputs, *o.outputs)]
        end = last if tensor in graph.outputs else uses[-1]
        size = 1
        for n in graph.tensors[tensor].shape:
            size *= int(n)
        requests.append(Request(int(tensor), size, 0 if tensor in graph.inputs else uses[0], end))
    for operator in graph.operators:
        if operator.builtinOptionsType == schema.BuiltinOptions.ReshapeOptions:
            aliases.append((int(operator.inputs[0]), int(operator.outputs[0])))
    memory = plan_memory(requests, aliases=aliases)
    check(memory, requests, [], aliases)
    assert memory.total == memory.lower_bound == floor
