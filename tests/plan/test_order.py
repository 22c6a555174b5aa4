"""Orders stay topological, and their peaks never rise."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.plan.buffers import place
from tinykit.plan.model import Overlap, Step
from tinykit.plan.order import Task, best_order, ordered, peak_bytes

INPUTS = 2


@st.composite
def schedules(draw, most=9):
    """Tasks in a valid order over tensors 0, 1 (model inputs) and those the tasks make; sizes; outputs."""
    tasks, sizes = [], {i: draw(st.integers(1, 300)) for i in range(INPUTS)}
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
        tasks.append(Task(reads, (made,), scratch, alias, overlaps))
    read = {t for task in tasks for t in task.inputs}
    outputs = [t for t in sizes if t not in read]
    return tasks, sizes, outputs


def is_topological(tasks, order) -> bool:
    seen = set(range(INPUTS))
    for position in order:
        if not set(tasks[position].inputs) <= seen:
            return False
        seen |= set(tasks[position].outputs)
    return sorted(order) == list(range(len(tasks)))


@given(schedules(most=16))
@settings(max_examples=150, deadline=None)
def test_orders_are_valid_repeatable_and_never_worse(schedule):
    tasks, sizes, outputs = schedule
    order = best_order(tasks, sizes, outputs)
    assert is_topological(tasks, order)
    assert peak_bytes(tasks, sizes, outputs, order) <= peak_bytes(tasks, sizes, outputs)
    assert best_order(tasks, sizes, outputs) == order


@given(schedules(most=6))
@settings(max_examples=150, deadline=None)
def test_small_schedules_are_ordered_best(schedule):
    tasks, sizes, outputs = schedule
    found = peak_bytes(tasks, sizes, outputs, best_order(tasks, sizes, outputs))
    valid = (o for o in itertools.permutations(range(len(tasks))) if is_topological(tasks, o))
    assert found == min(peak_bytes(tasks, sizes, outputs, o) for o in valid)


def as_graph(sizes, tasks, outputs) -> Graph:
    tensors = {i: Tensor(i, f"t{i}", (1, size), "int8") for i, size in sizes.items()}
    operators = tuple(
        Operator(f"op{n}", "RESHAPE" if t.alias else "ADD", t.inputs, t.outputs) for n, t in enumerate(tasks)
    )
    return Graph("test", tensors, operators, tuple(range(INPUTS)), tuple(outputs), sha256="", size=0)


def as_steps(tasks) -> list[Step]:
    return [
        Step(
            name=f"step{n}", op="ADD", kernel="", function="", sources=(), shape={}, arguments=(),
            inputs=t.inputs, outputs=t.outputs, scratch=t.scratch, overlaps=t.overlaps, alias=t.alias,
        )
        for n, t in enumerate(tasks)
    ]  # fmt: skip


@given(schedules())
@settings(max_examples=100, deadline=None)
def test_the_peak_is_the_memory_planners_lower_bound(schedule):
    tasks, sizes, outputs = schedule
    placement = place(as_graph(sizes, tasks, outputs), as_steps(tasks), alignment=1)
    assert placement.lower_bound == peak_bytes(tasks, sizes, outputs)
    assert placement.arena_bytes >= placement.lower_bound


def branches() -> tuple[list[Task], dict[int, int], list[int]]:
    """Two branches that blow up to 1000 bytes and shrink to 10: interleaved in the given order."""
    tasks = [
        Task((0, 1), (2,)),
        Task((2,), (3,)),
        Task((2,), (4,)),
        Task((3,), (5,)),
        Task((4,), (6,)),
        Task((5, 6), (7,)),
    ]
    return tasks, {0: 10, 1: 10, 2: 10, 3: 1000, 4: 1000, 5: 10, 6: 10, 7: 10}, [7]


def test_one_branch_is_finished_before_the_next():
    tasks, sizes, outputs = branches()
    assert peak_bytes(tasks, sizes, outputs) == 2010
    order = best_order(tasks, sizes, outputs)
    assert peak_bytes(tasks, sizes, outputs, order) == 1020


def test_a_graph_is_reordered():
    tasks, sizes, outputs = branches()
    graph = as_graph(sizes, tasks, outputs)
    names = [o.name for o in ordered(graph).operators]
    assert sorted(names) == sorted(o.name for o in graph.operators)
    assert abs(names.index("op1") - names.index("op3")) == 1
    assert abs(names.index("op2") - names.index("op4")) == 1


def test_constants_and_absent_inputs_take_no_memory():
    weights = Tensor(9, "w", (1, 5000), "int8", data=np.zeros((1, 5000), np.int8))
    tasks, sizes, outputs = branches()
    graph = as_graph(sizes, tasks, outputs)
    operators = tuple(Operator(o.name, o.op, (*o.inputs, 9, -1), o.outputs) for o in graph.operators)
    heavy = graph.with_changes(tensors={**graph.tensors, 9: weights}, operators=operators)
    assert [o.name for o in ordered(heavy).operators] == [o.name for o in ordered(graph).operators]


def test_a_chain_keeps_its_order():
    tasks = [Task((i,), (i + 1,)) for i in range(200)]
    assert best_order(tasks, dict.fromkeys(range(201), 7), [200]) == tuple(range(200))


def test_wide_graphs_are_bounded():
    """32 independent branches have 3**32 sets of done tasks."""
    width = 32
    tasks = [Task((0, 1), (2 + i,)) for i in range(width)]
    tasks += [Task((2 + i,), (2 + width + i,)) for i in range(width)]
    sizes = {0: 1, 1: 1, **{2 + i: 100 for i in range(width)}, **{2 + width + i: 1 for i in range(width)}}
    outputs = [2 + width + i for i in range(width)]
    order = best_order(tasks, sizes, outputs)
    assert peak_bytes(tasks, sizes, outputs, order) <= 2 + 101 + width


def test_no_tasks():
    assert best_order([], {}, []) == ()


def test_place_gives_every_tensor_and_scratch_a_buffer():
    tasks = [
        Task((0, 1), (2,), scratch=40),
        Task((2,), (3,), alias=True),
        Task((3,), (4,), overlaps=(Overlap(0, 0, 0),)),
    ]
    graph = as_graph({0: 8, 1: 8, 2: 64, 3: 64, 4: 64}, tasks, [4])
    placement = place(graph, as_steps(tasks))
    where = {b.tensor: b for b in placement.buffers}
    assert set(where) == {0, 1, 2, 3, 4, None}
    assert where[2].offset == where[3].offset == where[4].offset
    assert (where[None].size, where[None].first, where[None].last) == (40, 0, 0)
    assert (where[0].first, where[0].last) == (0, 0)
    assert where[4].last == 2
    assert placement.arena_bytes == placement.lower_bound == 8 + 8 + 64 + 40


def test_a_tensor_read_twice_needs_both_permissions():
    sizes = {0: 8, 1: 8, 2: 64, 3: 64}
    first = Task((0, 1), (2,))
    one = [first, Task((2, 2), (3,), overlaps=(Overlap(0, 0, 0),))]
    both = [first, Task((2, 2), (3,), overlaps=(Overlap(0, 0, 0), Overlap(1, 0, 0)))]
    assert place(as_graph(sizes, one, [3]), as_steps(one)).arena_bytes == 128
    assert place(as_graph(sizes, both, [3]), as_steps(both)).arena_bytes == 80


def test_the_last_step_spares_an_output_that_it_reads():
    """Tensor 2 is a model output, so the last step must not be computed in its place."""
    tasks = [Task((0, 1), (2,)), Task((2,), (3,), overlaps=(Overlap(0, 0, 0),))]
    sizes = {0: 8, 1: 8, 2: 64, 3: 64}
    placement = place(as_graph(sizes, tasks, [2, 3]), as_steps(tasks))
    assert placement.arena_bytes == peak_bytes(tasks, sizes, [2, 3]) == 128
    assert [b.last for b in placement.buffers if b.tensor in (2, 3)] == [1, 1]
