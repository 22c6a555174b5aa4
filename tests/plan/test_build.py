"""make_plan: everything decided, the same every time, and refused by name where it cannot be."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.models import ModelBuilder, conv_2d, fully_connected, reshape, single, softmax
from tinykit.codegen.emit import emit
from tinykit.errors import ModelError, UnsupportedModel, UsageError
from tinykit.graph.reader import read_graph
from tinykit.plan.build import PREFERENCES, make_plan
from tinykit.plan.cost import weight_bytes
from tinykit.targets import TARGETS, target


def chain() -> bytes:
    """Convolution, reshape, dense, softmax."""
    model = ModelBuilder(2)
    x = conv_2d(model, model.input((1, 6, 6, 2)), filters=4, strides=(2, 2))
    return model.finish([softmax(model, fully_connected(model, reshape(model, x, shape=(1, 36)), units=5))])


def test_a_plan_decides_everything() -> None:
    plan = make_plan(read_graph(chain(), "m"), target("cortex-m4"))
    assert [s.op for s in plan.steps if not s.alias] == ["CONV_2D", "FULLY_CONNECTED", "SOFTMAX"]
    placed = {b.tensor for b in plan.buffers}
    assert placed >= {i for s in plan.steps for i in (*s.inputs, *s.outputs)}
    assert plan.lower_bound <= plan.arena_bytes == max(b.offset + b.size for b in plan.buffers)
    cost = plan.cost
    assert cost.macs == 9 * 4 * 18 + 36 * 5
    assert cost.arena == plan.arena_bytes and cost.weights == weight_bytes(plan.steps)
    assert 4 * 18 + 36 * 5 < cost.weights < 2000
    assert cost.instructions > cost.macs and cost.code > 500 and cost.stack > 50


@pytest.mark.parametrize("optimize", PREFERENCES)
@pytest.mark.parametrize("name", TARGETS)
def test_every_target_and_preference_plans_alike_twice(name: str, optimize: str) -> None:
    one, two = (make_plan(read_graph(chain(), "m"), target(name), optimize) for _ in range(2))
    assert emit(one) == emit(two) and one.cost == two.cost


def test_an_unknown_preference_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="speed, size, ram"):
        make_plan(read_graph(chain(), "m"), target("host"), "beauty")


def test_all_layers_without_a_kernel_are_named_at_once() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 5000))
    plan_of = read_graph(model.finish([softmax(model, x), softmax(model, x, beta=2.0)]), "m")
    with pytest.raises(UnsupportedModel) as refused:
        make_plan(plan_of, target("host"))
    assert len(refused.value.problems) == 2


def test_a_constant_output_is_refused() -> None:
    model = ModelBuilder(0)
    y = fully_connected(model, model.input((1, 4)), units=3)
    graph = read_graph(model.finish([y]), "m")
    weights = graph.operators[0].inputs[1]
    with pytest.raises(ModelError):
        make_plan(graph.with_changes(outputs=(weights,)), target("host"))


def test_smaller_cores_are_expected_to_take_more_instructions() -> None:
    graph = read_graph(single(conv_2d, (1, 8, 8, 4)), "m")
    small, large = (make_plan(graph, target(t)).cost.instructions for t in ("cortex-m0", "cortex-m3"))
    assert small > 1.5 * large


@pytest.mark.shared
def test_the_largest_reference_model_compiles_within_seconds(shared: Path) -> None:
    started = time.process_time()
    emit(make_plan(read_graph(shared / "models" / "vww01_int8.tflite"), target("cortex-m4")))
    assert time.process_time() - started < 3
