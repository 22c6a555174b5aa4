"""Resource variables keep their values from one inference to the next as TFLM's do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.builder import ModelBuilder
from tests.support.equality import Case, assert_equal, case
from tests.support.weighted import accumulating, variable
from tinykit.errors import ModelError, UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.graph.support import require_supported
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostModel
from tinykit.validate.parity import verify


def test_sequences_equal_tflm() -> None:
    cases = [
        case(accumulating, (1, n), preset=preset, constant_scale=same, input_zero_point=zero)
        for n, preset, same, zero in (
            (1, True, True, 0),
            (7, False, True, -3),
            (64, True, False, 90),
            (3, False, False, -128),
        )
    ]
    assert_equal([*cases, delay_line()], count=24, sanitize=True)


def delay_line() -> Case:
    """Two variables that hand their values on: the input comes out two inferences later."""
    model = ModelBuilder()
    x = model.input((1, 6))
    handles = [variable(model, name) for name in ("first", "second")]
    values = [model.operator("READ_VARIABLE", [h], x.shape, x.scale, x.zero_point) for h in handles]
    model.effect("ASSIGN_VARIABLE", [handles[1], values[0]])
    model.effect("ASSIGN_VARIABLE", [handles[0], x])
    again = model.operator("READ_VARIABLE", [handles[0]], x.shape, x.scale, x.zero_point)
    return Case("delay line", model.finish([values[1], again]))


def test_state_is_static_memory_and_a_run_starts_afresh() -> None:
    graph = read_graph(delay_line().model, "delay")
    plan = make_plan(graph, target("host"))
    assert [t.name for t in plan.graph.states] == ["first", "second"]
    assert plan.cost.static == 16
    host = HostModel(plan)
    batch = np.arange(30, dtype=np.int8).reshape(5, 1, 6)
    delayed, _ = host.run_many(batch)
    np.testing.assert_array_equal(delayed[2:], batch[:-2])
    np.testing.assert_array_equal(delayed[:2], np.full((2, 1, 6), -3, np.int8))
    np.testing.assert_array_equal(host.run_many(batch)[0], delayed)


def test_verify_follows_a_sequence() -> None:
    result = verify(delay_line().model, vectors=70)
    assert result["bit_exact"] and result["mismatched_bytes"] == 0


def test_a_variable_that_is_never_written_is_no_model() -> None:
    model = ModelBuilder()
    x = model.input((1, 4))
    read = model.operator("READ_VARIABLE", [variable(model)], x.shape, x.scale, x.zero_point)
    model.operator("ADD", [x, read], x.shape, x.scale, x.zero_point, fusedActivationFunction=0)
    with pytest.raises(ModelError, match="'sum' is read but never written"):
        read_graph(model.finish())


def test_computed_first_values_are_named() -> None:
    model = ModelBuilder()
    x = model.input((1, 4))
    first = model.subgraph()
    one = first.constant(np.ones((1, 4), np.int8), [0.05], [0])
    two = first.operator("ADD", [one, one], (1, 4), 0.05, 0, fusedActivationFunction=0)
    first.effect("ASSIGN_VARIABLE", [variable(first), two])
    model.effect("CALL_ONCE", initSubgraphIndex=1)
    handle = variable(model)
    model.effect("ASSIGN_VARIABLE", [handle, x])
    read = model.operator("READ_VARIABLE", [handle], x.shape, x.scale, x.zero_point)
    with pytest.raises(UnsupportedModel, match=r"CALL_ONCE.*computes the first values"):
        require_supported(read_graph(model.finish([read])))
