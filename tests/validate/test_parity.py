"""verify: equal on the reference models, clean under sanitizers, and a fault is found where it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models import ModelBuilder, conv_2d, fully_connected, relu, single, softmax
from tinykit.errors import DataError, ModelError, ToolFailed, ToolMissing, UsageError
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.model import Constant, Plan
from tinykit.targets import target
from tinykit.validate.host import HostModel
from tinykit.validate.parity import verify

MODELS = ("ad01", "ic01", "kws01", "vww01")


def small_model() -> bytes:
    """Three layers, the last of which hides much of what goes wrong before it."""
    model = ModelBuilder(3)
    x = conv_2d(model, model.input((1, 6, 6, 2)), filters=4, activation="RELU")
    y = fully_connected(model, conv_2d(model, x, filters=3, strides=(2, 2)), units=5)
    return model.finish([softmax(model, y)])


def second_convolution(plan: Plan) -> int:
    """The number of its step."""
    return [k for k, step in enumerate(plan.steps) if step.op == "CONV_2D"][1]


def with_flipped_weights(plan: Plan) -> Plan:
    """One bit of many a weight of the second convolution is another one."""
    number = second_convolution(plan)
    step = plan.steps[number]
    arguments = list(step.arguments)
    place = next(k for k, a in enumerate(arguments) if isinstance(a, Constant) and a.role == "weights")
    weights = arguments[place]
    assert isinstance(weights, Constant)
    data = weights.data.copy()
    data.reshape(-1).view(np.uint8)[data.nbytes // 2 :] ^= 0x40
    arguments[place] = replace(weights, data=data)
    changed = replace(step, arguments=tuple(arguments))
    return replace(plan, steps=(*plan.steps[:number], changed, *plan.steps[number + 1 :]))


@pytest.mark.shared
@pytest.mark.parametrize("name", MODELS)
def test_reference_models_equal_tflm(shared: Path, name: str) -> None:
    result = verify(shared / "models" / f"{name}_int8.tflite", vectors=200)
    assert result["bit_exact"] and result["mismatched_bytes"] == 0 and result["first_divergent_layer"] is None
    assert result["vectors"] == 200 and result["bytes"] > 0
    assert result["tensors"] == result["tensors_computed"] > 5


@pytest.mark.shared
@pytest.mark.parametrize("name", ["kws01", "vww01"])
def test_reference_models_are_clean_under_sanitizers(shared: Path, name: str) -> None:
    assert verify(shared / "models" / f"{name}_int8.tflite", vectors=12, sanitize=True)["bit_exact"]


@pytest.mark.shared
@pytest.mark.parametrize("name", MODELS)
def test_the_arena_is_no_larger_than_its_floor(shared: Path, name: str) -> None:
    plan = make_plan(read_graph(shared / "models" / f"{name}_int8.tflite"), target("cortex-m4"))
    floor = {"ad01": 768, "kws01": 16_000, "ic01": 49_152, "vww01": 55_296}[name]
    assert plan.lower_bound <= plan.arena_bytes <= floor


def test_a_flipped_weight_is_found_in_its_layer() -> None:
    result = verify(small_model(), vectors=30, alter=with_flipped_weights)
    plan = make_plan(read_graph(small_model()), target("host"))
    where = result["first_divergent_layer"]
    assert not result["bit_exact"]
    number = second_convolution(plan)
    assert (where["layer"], where["step"], where["kernel"]) == (plan.steps[number].name, number, "conv_2d")
    assert where["found"] != where["tflm"] and where["mismatched_values"] > 0


def test_several_inputs_and_outputs() -> None:
    model = ModelBuilder(5)
    a, b = model.input((1, 4)), model.input((1, 6), 0.1, 9)
    outputs = [fully_connected(model, a, units=3), relu(model, fully_connected(model, b, units=2))]
    result = verify(model.finish(outputs), vectors=24)
    assert result["bit_exact"] and result["bytes"] == 24 * 5


def test_the_same_question_has_the_same_answer() -> None:
    one, two = (verify(small_model(), vectors=8, seed=7) for _ in range(2))
    assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_a_target_without_an_emulated_board_is_refused_with_advice() -> None:
    with pytest.raises(UsageError, match="cortex-m4"):
        verify(small_model(), target="xtensa")


@pytest.mark.emulated
def test_an_emulated_target_is_equal_and_a_fault_there_is_found() -> None:
    result = verify(small_model(), vectors=6, target="cortex-m4")
    assert result["bit_exact"] and result["target"] == "cortex-m4"
    assert result["tensors"] >= 4
    found = verify(small_model(), vectors=16, target="cortex-m4", alter=with_flipped_weights)["first_divergent_layer"]
    plan = make_plan(read_graph(small_model()), target("cortex-m4"))
    assert found["step"] == second_convolution(plan) and found["kernel"] == plan.steps[found["step"]].kernel
    assert found["found"] != found["tflm"]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.tflite"
    path.write_bytes(b"")
    with pytest.raises(ModelError):
        verify(path)


def test_inputs_that_do_not_fit_are_refused() -> None:
    model = HostModel(make_plan(read_graph(single(softmax, (1, 4)), "m"), target("host")))
    for wrong in (np.zeros((2, 1, 5), np.int8), np.zeros((2, 1, 4), np.float32), np.zeros((0, 1, 4), np.int8)):
        with pytest.raises(DataError):
            model.run_many(wrong)


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="apt install gcc"):
        HostModel(make_plan(read_graph(single(softmax, (1, 4)), "m"), target("host")), folder=tmp_path)


def test_sanitizers_catch_a_write_outside_the_arena(tmp_path: Path) -> None:
    plan = make_plan(read_graph(single(softmax, (1, 64)), "m"), target("host"))
    short = replace(plan, arena_bytes=16)
    with pytest.raises(ToolFailed, match="global-buffer-overflow"):
        HostModel(short, sanitize=True, folder=tmp_path).run_many(np.zeros((1, 1, 64), np.int8))


def test_compiled_programs_are_kept_but_not_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tinykit.validate.host.KEPT_PROGRAMS", 2)
    plans = [make_plan(read_graph(single(softmax, (1, n)), "m"), target("host")) for n in (3, 4, 5)]
    for plan in plans:
        HostModel(plan, folder=tmp_path)
    kept = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert len(kept) == 2
    HostModel(plans[2], folder=tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == kept
