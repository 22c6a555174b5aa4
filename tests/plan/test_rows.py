"""Operators run row by row give TFLM's bytes, with the output as close over the input as the schedule allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.equality import ARENA_BYTES, Case, level
from tests.support.models import ModelBuilder, add, average_pool_2d, conv_2d, depthwise_conv_2d, max_pool_2d, relu
from tinykit.graph.model import Graph, Operator
from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph
from tinykit.kernels import lower
from tinykit.plan.buffers import place
from tinykit.plan.build import make_plan
from tinykit.plan.cost import predict
from tinykit.plan.fuse import fuse
from tinykit.plan.model import Plan, Step
from tinykit.plan.rows import row_by_row
from tinykit.targets import target
from tinykit.validate.host import HostProgram
from tinykit.validate.judge_worker import Worker
from tinykit.validate.vectors import vectors

HOST = target("host")
BATCH = 12


def offer(graph: Graph, operator: Operator) -> Step:
    return lower(graph, operator, HOST)[0]


def as_one_step(model: bytes, name: str) -> Plan:
    """The whole model as one row-by-row step."""
    graph = read_graph(model, name)
    step = row_by_row(graph, graph.operators, offer)
    assert step is not None
    placement = place(graph, (step,))
    cost = predict((step,), placement.arena_bytes)
    return Plan(graph, HOST, (step,), placement.buffers, placement.arena_bytes, placement.lower_bound, cost)


@st.composite
def chains(draw: st.DrawFn) -> Case:
    """One to four operators over windows of all kinds, sometimes with a shortcut around them."""
    model = ModelBuilder(draw(st.integers(0, 1 << 16)))
    size = draw(st.integers(5, 11)), draw(st.integers(3, 6))
    x = y = model.input((1, *size, 4), zero_point=draw(st.sampled_from([-128, 3, 127])))
    told = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "depthwise", "max", "average", "relu"]))
        fits = st.integers(1, min(3, y.shape[1], y.shape[2]))
        kernel = draw(fits), draw(fits)
        strides = draw(st.integers(1, min(2, kernel[0]))), draw(st.integers(1, 2))
        padding = draw(st.sampled_from(["SAME", "VALID"]))
        told.append((kind, kernel, strides, padding))
        if kind == "conv":
            y = conv_2d(model, y, filters=4, kernel=kernel, strides=strides, padding=padding)
        elif kind == "depthwise":
            y = depthwise_conv_2d(model, y, kernel=kernel, strides=strides, padding=padding)
        elif kind == "relu":
            y = relu(model, y)
        else:
            pool = max_pool_2d if kind == "max" else average_pool_2d
            y = pool(model, y, window=kernel, strides=strides, padding="VALID")
    if y.shape == x.shape:
        y = add(model, y, x)
    return Case(f"{x.shape} {told}", model.finish([y]))


@given(st.lists(chains(), min_size=BATCH, max_size=BATCH))
@settings(max_examples=3, deadline=None, derandomize=True)
def test_equals_tflm(some: list[Case]) -> None:
    plans = [as_one_step(one.model, f"m{k}") for k, one in enumerate(some)]
    batches = [vectors(plan.graph, 4, seed=k) for k, plan in enumerate(plans)]
    program = HostProgram(plans, optimize=level(*(one.model for one in some)))
    for one, batch, ours in zip(some, batches, program.run(batches), strict=True):
        theirs = Worker(one.model, ARENA_BYTES).run(batch)
        np.testing.assert_array_equal(ours[0], theirs[0], err_msg=one.label, strict=True)


def residual_blocks() -> bytes:
    """Two blocks of two convolutions each with a shortcut, the second one down to half the size."""
    model = ModelBuilder(3)
    x = conv_2d(model, model.input((1, 16, 16, 4)), filters=8, kernel=(3, 3), padding="SAME")
    y = conv_2d(model, x, filters=8, kernel=(3, 3), padding="SAME")
    x = add(model, conv_2d(model, y, filters=8, kernel=(3, 3), padding="SAME"), x)
    y = conv_2d(model, x, filters=16, kernel=(3, 3), strides=(2, 2), padding="SAME")
    y = conv_2d(model, y, filters=16, kernel=(3, 3), padding="SAME")
    return model.finish([add(model, y, conv_2d(model, x, filters=16, kernel=(1, 1), strides=(2, 2), padding="SAME"))])


@pytest.mark.parametrize("name", ["host", "cortex-m4"])
def test_residual_blocks_need_little_more_than_their_input(name: str) -> None:
    plan = make_plan(read_graph(residual_blocks(), "m"), target(name))
    assert [len(step.stages) for step in plan.steps if step.stages] == [3, 4]
    assert plan.arena_bytes < 16 * 16 * 8 * 2
    once = sum(lower(plan.graph, operator, target(name))[0].macs for operator in plan.graph.operators)
    assert plan.cost.macs == once, "no row is computed twice"
    inputs = vectors(plan.graph, 6, seed=0)
    ours = HostProgram([plan], sanitize=True, optimize="-O1").run([inputs])[0]
    np.testing.assert_array_equal(ours[0], Worker(residual_blocks(), ARENA_BYTES).run(inputs)[0], strict=True)


def test_kernels_may_use_what_the_windows_before_them_no_longer_need() -> None:
    """No kernel's scratch meets rows that are still to be read, and that of the second costs less than its size."""
    graph = rewrite(read_graph(residual_blocks(), "m"))

    def greedy(low: Graph, operator: Operator) -> Step:
        return replace(offer(low, operator), scratch=400 if operator.outputs == graph.operators[5].outputs else 40)

    step = row_by_row(graph, graph.operators[4:], greedy)
    assert step is not None
    for k, stage in enumerate(step.stages):
        used = range(stage.scratch, stage.scratch + stage.step.scratch)
        assert used.stop <= step.scratch
        for number, other in enumerate(step.stages):
            for feed in other.feeds:
                if feed.window is not None:
                    kept = feed.rows if number >= k else max(feed.rows - feed.stride, 0)
                    assert used.start >= feed.window + kept * feed.row_bytes or not kept
    separate = sum(f.rows * f.row_bytes for stage in step.stages for f in stage.feeds if f.window is not None)
    assert step.scratch < separate + 400


def test_a_value_read_twice_is_kept_whole() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 8, 8, 4))
    y = relu(model, x)
    graph = read_graph(model.finish([add(model, conv_2d(model, y, filters=4, kernel=(3, 3), padding="SAME"), y)]), "m")
    assert row_by_row(graph, graph.operators, offer) is None
    assert row_by_row(graph, graph.operators[1:], offer) is not None


def test_padded_pools_are_left_alone() -> None:
    model = ModelBuilder(0)
    graph = read_graph(
        model.finish([max_pool_2d(model, model.input((1, 5, 5, 4)), window=(3, 3), strides=(1, 1), padding="SAME")]),
        "m",
    )
    assert row_by_row(graph, graph.operators, offer) is None


def test_a_schedule_without_steps_stays_so() -> None:
    model = ModelBuilder(0)
    graph = read_graph(model.finish([relu(model, model.input((1, 4, 4, 4)))]), "m")
    assert fuse(graph.with_changes(operators=()), (), offer) == ()
