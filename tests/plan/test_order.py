"""Orders stay topological, and their peaks never rise."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.plan.buffers import place
from tinykit.plan.model import Overlap, Step
from tinykit.plan.order import best_order, peak_bytes

INPUTS = 2


def step(inputs, outputs, scratch=0, alias=False, overlaps=()) -> Step:
    """A step of which only memory matters."""
    return Step(
        name="", op="", kernel="", function="", sources=(), shape={}, arguments=(),
        inputs=inputs, outputs=outputs, scratch=scratch, overlaps=overlaps, alias=alias,
    )  # fmt: skip


@st.composite
def schedules(draw, most=9):
    """Steps in a valid order over tensors 0, 1 (model inputs) and those they make; sizes; outputs."""
    steps, sizes = [], {i: draw(st.integers(1, 300)) for i in range(INPUTS)}
    for number in range(draw(st.integers(1, most))):
        reads = tuple(draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=3)))
        if number == 0:
            reads = (*range(INPUTS), *reads)
        made = INPUTS + number
        alias = len(reads) == 1 and draw(st.integers(0, 4)) == 0
        sizes[made] = sizes[reads[0]] if alias else draw(st.integers(1, 300))
        overlaps = (
            ()
            if alias
            else tuple(Overlap(p, 0, draw(st.integers(0, 20))) for p in range(len(reads)) if draw(st.booleans()))
        )
        scratch = 0 if alias else draw(st.sampled_from([0, 0, 50]))
        steps.append(step(reads, (made,), scratch, alias, overlaps))
    read = {t for task in steps for t in task.inputs}
    outputs = [t for t in sizes if t not in read]
    return steps, sizes, outputs


def is_topological(steps, order) -> bool:
    seen = set(range(INPUTS))
    for position in order:
        if not set(steps[position].inputs) <= seen:
            return False
        seen |= set(steps[position].outputs)
    return sorted(order) == list(range(len(steps)))


@given(schedules(most=16))
@settings(max_examples=150, deadline=None)
def test_orders_are_valid_repeatable_and_never_worse(schedule):
    steps, sizes, outputs = schedule
    order = best_order(steps, sizes, outputs)
    assert is_topological(steps, order)
    assert peak_bytes(steps, sizes, outputs, order) <= peak_bytes(steps, sizes, outputs)
    assert best_order(steps, sizes, outputs) == order


@given(schedules(most=6))
@settings(max_examples=150, deadline=None)
def test_small_schedules_are_ordered_best(schedule):
    steps, sizes, outputs = schedule
    found = peak_bytes(steps, sizes, outputs, best_order(steps, sizes, outputs))
    valid = (o for o in itertools.permutations(range(len(steps))) if is_topological(steps, o))
    assert found == min(peak_bytes(steps, sizes, outputs, o) for o in valid)


def as_graph(sizes, steps, outputs) -> Graph:
    tensors = {i: Tensor(i, f"t{i}", (1, size), "int8") for i, size in sizes.items()}
    operators = tuple(
        Operator(f"op{n}", "RESHAPE" if t.alias else "ADD", t.inputs, t.outputs) for n, t in enumerate(steps)
    )
    return Graph("test", tensors, operators, tuple(range(INPUTS)), tuple(outputs), sha256="", size=0)


@given(schedules())
@settings(max_examples=100, deadline=None)
def test_the_peak_is_the_memory_planners_lower_bound(schedule):
    steps, sizes, outputs = schedule
    placement = place(as_graph(sizes, steps, outputs), steps, alignment=1)
    assert placement.lower_bound == peak_bytes(steps, sizes, outputs)
    assert placement.arena_bytes >= placement.lower_bound


def branches() -> tuple[list[Step], dict[int, int], list[int]]:
    """Two branches that blow up to 1000 bytes and shrink to 10: interleaved in the given order."""
    steps = [
        step((0, 1), (2,)),
        step((2,), (3,)),
        step((2,), (4,)),
        step((3,), (5,)),
        step((4,), (6,)),
        step((5, 6), (7,)),
    ]
    return steps, {0: 10, 1: 10, 2: 10, 3: 1000, 4: 1000, 5: 10, 6: 10, 7: 10}, [7]


def test_one_branch_is_finished_before_the_next():
    steps, sizes, outputs = branches()
    assert peak_bytes(steps, sizes, outputs) == 2010
    order = best_order(steps, sizes, outputs)
    assert peak_bytes(steps, sizes, outputs, order) == 1020


def test_a_chain_keeps_its_order():
    steps = [step((i,), (i + 1,)) for i in range(200)]
    assert best_order(steps, dict.fromkeys(range(201), 7), [200]) == tuple(range(200))


def test_wide_graphs_are_bounded():
    """32 independent branches have 3**32 sets of done steps."""
    width = 32
    steps = [step((0, 1), (2 + i,)) for i in range(width)]
    steps += [step((2 + i,), (2 + width + i,)) for i in range(width)]
    sizes = {0: 1, 1: 1, **{2 + i: 100 for i in range(width)}, **{2 + width + i: 1 for i in range(width)}}
    outputs = [2 + width + i for i in range(width)]
    order = best_order(steps, sizes, outputs)
    assert peak_bytes(steps, sizes, outputs, order) <= 2 + 101 + width


def test_no_steps():
    assert best_order([], {}, []) == ()


def test_place_gives_every_tensor_and_scratch_a_buffer():
    steps = [
        step((0, 1), (2,), scratch=40),
        step((2,), (3,), alias=True),
        step((3,), (4,), overlaps=(Overlap(0, 0, 0),)),
    ]
    graph = as_graph({0: 8, 1: 8, 2: 64, 3: 64, 4: 64}, steps, [4])
    placement = place(graph, steps)
    where = {b.tensor: b for b in placement.buffers}
    assert set(where) == {0, 1, 2, 3, 4, None}
    assert where[2].offset == where[3].offset == where[4].offset
    assert (where[None].size, where[None].first, where[None].last) == (40, 0, 0)
    assert (where[0].first, where[0].last) == (0, 0)
    assert where[4].last == 2
    assert placement.arena_bytes == placement.lower_bound == 8 + 8 + 64 + 40


def test_a_tensor_read_twice_needs_both_permissions():
    sizes = {0: 8, 1: 8, 2: 64, 3: 64}
    first = step((0, 1), (2,))
    one = [first, step((2, 2), (3,), overlaps=(Overlap(0, 0, 0),))]
    both = [first, step((2, 2), (3,), overlaps=(Overlap(0, 0, 0), Overlap(1, 0, 0)))]
    assert place(as_graph(sizes, one, [3]), one).arena_bytes == 128
    assert place(as_graph(sizes, both, [3]), both).arena_bytes == 80


def test_the_last_step_spares_an_output_that_it_reads():
    """Tensor 2 is a model output, so the last step must not be computed in its place."""
    steps = [step((0, 1), (2,)), step((2,), (3,), overlaps=(Overlap(0, 0, 0),))]
    sizes = {0: 8, 1: 8, 2: 64, 3: 64}
    placement = place(as_graph(sizes, steps, [2, 3]), steps)
    assert placement.arena_bytes == peak_bytes(steps, sizes, [2, 3]) == 128
    assert [b.last for b in placement.buffers if b.tensor in (2, 3)] == [1, 1]
