"""Bench and validation on emulated boards: real firmware, real counts."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.boards import require_board
from tests.support.models import ModelBuilder, conv_2d, depthwise_conv_2d, fully_connected, mean
from tinykit.boards import all_boards, board
from tinykit.errors import UsageError, WrongFirmware
from tinykit.firmware.build import build
from tinykit.flash import flash
from tinykit.flash.running import stop
from tinykit.graph.reader import read_graph
from tinykit.link.fake import FakeDevice, fake_hello
from tinykit.plan.build import make_plan
from tinykit.plan.model import Constant, Plan, Pointer, Step
from tinykit.validate.bench import bench
from tinykit.validate.judge import Judge
from tinykit.validate.serial import validate

pytestmark = pytest.mark.emulated
MAIN = "mps2-an386"
CLASSES = 5


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small convolutional classifier."""
    builder = ModelBuilder(seed=5)
    x = conv_2d(builder, builder.input((1, 8, 8, 1)), filters=6, kernel=(3, 3), strides=(2, 2), activation="RELU")
    x = depthwise_conv_2d(builder, x, kernel=(3, 3), activation="RELU")
    x = mean(builder, x, axes=(1, 2))
    x = fully_connected(builder, x, units=CLASSES)
    path = tmp_path_factory.mktemp("model") / "tiny.tflite"
    path.write_bytes(builder.finish([x]))
    return path


@pytest.fixture(scope="session")
def data(model: Path) -> Path:
    """Twenty samples labelled by TFLM itself."""
    x = np.random.default_rng(2).integers(-128, 128, (20, 8, 8, 1), dtype=np.int8)
    with Judge(model.read_bytes()) as judge:
        y = judge.run_many(x).reshape(20, CLASSES).argmax(axis=1)
    path = model.with_name("set.npz")
    np.savez(path, x=x, y=y)
    return path


@pytest.mark.parametrize("name", [MAIN, "microbit"])
def test_bench_counts_what_runs(model: Path, tmp_path: Path, name: str) -> None:
    result = bench(model, board(name), folder=tmp_path / "firmware")
    assert result["bit_exact"] is True
    assert result["emulated"] is True
    assert (result["board"], result["target"], result["engine"]) == (name, board(name).target.name, "aot")
    counted = [layer["instructions"] for layer in result["layers"]]
    assert all(count > 0 for count in counted)
    assert abs(sum(counted) - result["instructions"]) <= 40 * len(counted)  # calls and returns
    assert result["instructions"] > result["macs"] > 0
    assert sum(layer["macs"] for layer in result["layers"]) == result["macs"]
    flash_bytes, ram = result["flash"], result["ram"]
    assert flash_bytes["total"] == flash_bytes["weights"] + flash_bytes["code"]
    assert ram["total"] == ram["arena"] + ram["static"] + ram["stack"]
    assert min(ram["arena"], ram["stack"], ram["firmware"], flash_bytes["weights"], flash_bytes["code"]) > 0
    again = bench(model, board(name), folder=tmp_path / "firmware")
    assert without_ticks(again) == without_ticks(result)  # exact, run after run


def without_ticks(result: dict[str, Any]) -> dict[str, Any]:
    """What must be equal run after run: all but the port and the phase of the clock (three ticks an instruction)."""
    layers = [{**layer, "ticks": None} for layer in result["layers"]]
    return {**result, "port": None, "ticks": None, "layers": layers}


def test_an_engine_that_is_not_there(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown engine 'magic'"):
        bench(model, board(MAIN), engine="magic", folder=tmp_path)


def test_sizes_of_one_core_are_never_put_beside_counts_of_another(model: Path, tmp_path: Path) -> None:
    graph = read_graph(model)
    device = FakeDevice(dataclasses.replace(fake_hello(graph.sha256, 64, CLASSES), target="cortex-m0"), bytes)
    with pytest.raises(WrongFirmware, match="expected cortex-m4, engine aot, found cortex-m0"):
        bench(model, board(MAIN), port=device, folder=tmp_path / "firmware")
    assert device.invocations == 0


def test_validate_builds_and_runs_the_board_itself(model: Path, data: Path, tmp_path: Path) -> None:
    result = validate(model, board(MAIN), data, folder=tmp_path / "firmware", quiet=True)
    assert (result["samples"], result["accuracy"], result["mismatched_bytes"]) == (20, 1.0, 0)
    assert result["emulated"] is True
    assert 0 < result["instructions"]["min"] <= result["instructions"]["mean"] <= result["instructions"]["max"]


FIRST_WEIGHT = 8
"""Bytes into packed weights: behind two biases."""


def with_flipped_weight(plan: Plan, victim: str) -> Plan:
    """The plan with the sign of one weight of layer `victim` turned over, alone or inside a step of several."""

    def flip(step: Step) -> Step:
        inner = tuple(dataclasses.replace(stage, step=flip(stage.step)) for stage in step.stages)
        return dataclasses.replace(
            step, arguments=tuple(map(changed, step.arguments)) if step.name == victim else step.arguments, stages=inner
        )

    def changed(argument: Pointer | Constant | int) -> Pointer | Constant | int:
        if not isinstance(argument, Constant) or argument.role != "weights":
            return argument
        weights = argument.data.copy()
        weights.view(np.int8).reshape(-1)[FIRST_WEIGHT] ^= -128
        return dataclasses.replace(argument, data=weights)

    return dataclasses.replace(plan, steps=tuple(map(flip, plan.steps)))


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_one_flipped_weight_is_found_in_its_layer(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    plan = make_plan(read_graph(model), board(MAIN).target)
    victim = next(o.name for o in plan.graph.operators if o.op == op)
    firmware = build(with_flipped_weight(plan, victim), board(MAIN), tmp_path / "firmware")
    try:
        port = flash(board(MAIN), firmware).port
        result = validate(model, board(MAIN), data, port=port, quiet=True)
    finally:
        stop()
    found = result["first_divergent_layer"]
    assert (found["layer"], found["op"]) == (victim, op)
    assert victim in plan.steps[found["step"]].name
    assert found["board"] != found["tflm"]


def test_another_models_firmware_is_refused(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    other = dataclasses.replace(read_graph(model), sha256="ab" * 32)
    firmware = build(make_plan(other, board(MAIN).target), board(MAIN), tmp_path / "firmware")
    try:
        port = flash(board(MAIN), firmware).port
        with pytest.raises(WrongFirmware, match="abababab"):
            validate(model, board(MAIN), data, port=port, quiet=True)
    finally:
        stop()


HOLD_KWS01 = [
    b.name for b in all_boards() if b.target.name.startswith("cortex-m") and b.emulator and b.emulator.kind == "qemu"
    and b.ram.length >= 16 * 1024
]  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", HOLD_KWS01)
def test_kws01_end_to_end(shared: Path, tmp_path: Path, name: str) -> None:
    models = shared / "models"
    result = validate(
        models / "kws01_int8.tflite", board(name), models / "kws01_test.npz", folder=tmp_path / "kws01", quiet=True
    )
    assert (result["samples"], result["accuracy"], result["accuracy_tflm"]) == (1000, 0.901, 0.901)
    assert (result["mismatched_bytes"], result["bytes"]) == (0, 12000)


@pytest.mark.shared
def test_kws01_on_the_pico(shared: Path, tmp_path: Path) -> None:
    """The first samples; all thousand of them where TINYKIT_NIGHTLY is set, which takes some ten minutes."""
    chosen, models = require_board("raspberry-pi-pico"), shared / "models"
    limit = None if os.environ.get("TINYKIT_NIGHTLY") else 20
    result = validate(
        *(models / "kws01_int8.tflite", chosen, models / "kws01_test.npz"),
        limit=limit,
        folder=tmp_path / "kws01",
        quiet=True,
    )
    assert result["samples"] == (limit or 1000)
    assert result["accuracy"] == result["accuracy_tflm"] == (0.901 if limit is None else 0.9)
    assert (result["mismatched_bytes"], result["bytes"]) == (0, 12 * result["samples"])
