"""A long chain in place needs little more than one image: tensors are moved back up where the chain has crept down."""

from __future__ import annotations

import numpy as np

from tests.support.equality import ARENA_BYTES
from tests.support.models import ModelBuilder, conv_2d, depthwise_conv_2d
from tinykit.graph.reader import read_graph
from tinykit.plan.buffers import place
from tinykit.plan.build import make_plan
from tinykit.plan.memory import Permission, Request, plan_memory
from tinykit.targets import target
from tinykit.validate.host import HostProgram
from tinykit.validate.judge_worker import Worker
from tinykit.validate.vectors import vectors

IMAGE = 12 * 6 * 16


def separable_chain(pairs: int) -> bytes:
    """Depthwise and pointwise convolutions in turn, all images of one size."""
    model = ModelBuilder(5)
    y = conv_2d(model, model.input((1, 12, 6, 1)), filters=16, kernel=(3, 3), padding="SAME")
    for _ in range(pairs):
        y = conv_2d(model, depthwise_conv_2d(model, y, kernel=(3, 3), padding="SAME"), filters=16, kernel=(1, 1))
    return model.finish([depthwise_conv_2d(model, y, kernel=(3, 3), padding="VALID", strides=(2, 2))])


def test_a_chain_in_place_does_not_grow_with_its_length() -> None:
    plan = make_plan(read_graph(separable_chain(5), "m"), target("host"))
    moves = [step for step in plan.steps if step.op == "MOVE"]
    unmoved = [step for step in plan.steps if step.op != "MOVE"]
    assert moves
    assert plan.arena_bytes < IMAGE * 3 // 2
    assert len(unmoved) == len(plan.graph.operators)
    inputs = vectors(plan.graph, 6, seed=0)
    ours = HostProgram([plan], sanitize=True, optimize="-O1").run([inputs])[0]
    np.testing.assert_array_equal(ours[0], Worker(separable_chain(5), ARENA_BYTES).run(inputs)[0], strict=True)


def test_what_needs_no_move_has_none() -> None:
    plan = make_plan(read_graph(separable_chain(0), "m"), target("host"))
    again = place(plan.graph, plan.steps)
    assert not [step for step in plan.steps if step.op == "MOVE"]
    assert again.arena_bytes == plan.arena_bytes


def test_an_output_may_lie_above_its_input_where_that_is_granted() -> None:
    low, high = Request("low", 100, 0, 1), Request("high", 100, 1, 2)
    top = [Request("first", 40, 0, 0), Request("last", 40, 2, 2)]
    moved = plan_memory([low, high, *top], [Permission("low", "high", -100)])
    assert moved.total == 140
