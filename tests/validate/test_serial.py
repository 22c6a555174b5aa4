"""Validation over a port, against a fake device that answers as TFLM does, or nearly so."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.models import ModelBuilder, conv_2d, fully_connected, reshape, softmax
from tinykit.boards import board
from tinykit.errors import DataError, DeviceFault, DeviceReset, PortError, WrongBoard, WrongFirmware
from tinykit.graph.reader import read_graph
from tinykit.link.fake import FakeDevice, fake_hello
from tinykit.plan.build import make_plan
from tinykit.validate.divergence import counterpart
from tinykit.validate.judge import Judge
from tinykit.validate.serial import validate

BOARD = board("mps2-an386")
CLASSES = 4
COUNT = 12


class Setup:
    """A small model in a file, a set whose labels are TFLM's own answers, and a device that runs TFLM."""

    def __init__(self, folder: Path) -> None:
        builder = ModelBuilder(seed=3)
        x = conv_2d(builder, builder.input((1, 5, 5, 2)), filters=3, kernel=(3, 3), activation="RELU")
        x = reshape(builder, x, shape=(1, 75))
        content = builder.finish([softmax(builder, fully_connected(builder, x, units=CLASSES))])
        self.model = folder / "small.tflite"
        self.model.write_bytes(content)
        self.graph = read_graph(self.model)
        self.judge = Judge(content)
        self.x = np.random.default_rng(1).integers(-128, 128, (COUNT, 5, 5, 2), dtype=np.int8)
        self.answers = self.judge.run_many(self.x).reshape(COUNT, CLASSES)
        self.data = folder / "set.npz"
        np.savez(self.data, x=self.x, y=self.answers.argmax(axis=1))

    def infer(self, raw: bytes) -> bytes:
        return self.judge.run_many(np.frombuffer(raw, np.int8).reshape(1, 5, 5, 2)).tobytes()

    def device(self, sha256: str = "") -> FakeDevice:
        return FakeDevice(fake_hello(sha256 or self.graph.sha256, 50, CLASSES), self.infer)


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.judge.close()


def test_a_device_that_is_right(setup: Setup) -> None:
    device = setup.device()
    result = validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert (result["samples"], result["accuracy"], result["accuracy_tflm"]) == (COUNT, 1.0, 1.0)
    assert (result["bytes"], result["mismatched_bytes"], result["mismatched_samples"]) == (COUNT * CLASSES, 0, 0)
    assert result["first_divergent_layer"] is None
    assert np.trace(result["confusion"]) == np.sum(result["confusion"]) == COUNT
    assert (result["model_sha256"], result["port"], result["emulated"]) == (setup.graph.sha256, "fake", False)
    assert result["instructions"] is None  # a port of unknown nature counts no instructions
    assert result["ticks"] == {"min": 1000, "mean": 1000.0, "median": 1000, "p95": 1000, "max": 1000}
    assert result["latency_ms"] == dict.fromkeys(("min", "mean", "median", "p95", "max"), 0.04)  # of 25 MHz
    assert result["cycles"] is None  # ticks of SysTick are none
    assert result["resumed"] == 0
    assert device.invocations == COUNT
    assert device.closed


def test_limit_and_float_samples(setup: Setup, tmp_path: Path) -> None:
    entry = setup.graph.tensor(setup.graph.inputs[0])
    assert entry.quantization is not None
    x = (setup.x.astype(np.float64) - entry.quantization.zero_point) * entry.quantization.scale
    np.savez(tmp_path / "float.npz", x=x, y=setup.answers.argmax(axis=1))
    result = validate(setup.model, BOARD, tmp_path / "float.npz", port=setup.device(), limit=5, quiet=True)
    assert (result["samples"], result["accuracy"], result["mismatched_bytes"]) == (5, 1.0, 0)


def test_wrong_bytes_are_counted(setup: Setup) -> None:
    device = setup.device()
    device.model = lambda raw: bytes(b ^ 1 for b in setup.infer(raw)[:2]) + setup.infer(raw)[2:]
    result = validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert (result["mismatched_bytes"], result["mismatched_samples"]) == (2 * COUNT, COUNT)
    assert result["first_divergent_layer"] is None
    assert "cannot be run step by step" in result["divergence_note"]
    assert result["first_mismatched_sample"] == 0


@pytest.mark.parametrize("wrong", [0, -1])
def test_the_first_layer_that_differs_is_named(setup: Setup, wrong: int) -> None:
    plan = make_plan(setup.graph, BOARD.target)
    broken = [s for s in plan.steps if not s.alias][wrong]

    def step(number: int, raw: bytes, arena: bytearray) -> None:
        judged = setup.judge.tensors(np.frombuffer(raw, np.int8).reshape(1, 5, 5, 2))
        for index in plan.steps[number].outputs:
            value = counterpart(plan.graph.tensor(index), judged)
            assert value is not None
            data = bytearray(value.tobytes())
            if plan.steps[number] is broken:
                data[2] ^= 0x40
            offset = plan.buffer(index).offset
            arena[offset : offset + len(data)] = data

    device = FakeDevice(
        fake_hello(setup.graph.sha256, 50, CLASSES, len(plan.steps), plan.arena_bytes),
        lambda raw: bytes(CLASSES),
        step,
    )
    result = validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    found = result["first_divergent_layer"]
    assert (found["layer"], found["op"], found["kernel"]) == (broken.name, broken.op, broken.kernel)
    assert result["first_mismatched_sample"] == 0
    assert result["divergence_note"] is None
    assert found["mismatched_values"] == 1
    assert abs(found["board"] - found["tflm"]) == 64
    assert np.ravel_multi_index(found["index"], plan.graph.tensor(broken.outputs[0]).shape) == 2


def test_a_device_that_calls_itself_another_board_is_refused(setup: Setup) -> None:
    device = setup.device()
    device.hello = dataclasses.replace(device.hello, board="microbit")
    with pytest.raises(WrongBoard, match=r"found microbit\. Give --board microbit"):
        validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert device.invocations == 0


def test_other_firmware_is_refused_by_its_hash(setup: Setup) -> None:
    device = setup.device(sha256="00" * 32)
    with pytest.raises(WrongFirmware, match="runs another model"):
        validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert device.invocations == 0
    assert device.closed


def test_bad_data_is_refused_before_the_device_hears_anything(setup: Setup, tmp_path: Path) -> None:
    device = setup.device()
    np.savez(tmp_path / "bad.npz", x=setup.x, y=np.full(COUNT, CLASSES))
    with pytest.raises(DataError, match="out of range"):
        validate(setup.model, BOARD, tmp_path / "bad.npz", port=device, quiet=True)
    assert not device.closed  # it was never opened


def at_byte(device: FakeDevice, number: int, then: object) -> None:
    """Do something to the device when the host has written `number` messages."""
    left = [number]

    def passing(data: bytes) -> bytes:
        left[0] -= 1
        if left[0] == 0:
            then()  # type: ignore[operator]
            return b""
        return data

    device.to_device = passing


@pytest.mark.parametrize("message", range(2, 12))
def test_a_reset_at_any_moment_costs_one_sample_sent_again(setup: Setup, message: int) -> None:
    device = setup.device()
    at_byte(device, message, device.power_cycle)
    result = validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert (result["accuracy"], result["mismatched_bytes"]) == (1.0, 0)
    assert result["device_resets"] <= 1


def test_a_reset_that_nobody_hears_of_still_costs_no_byte(setup: Setup) -> None:
    device = setup.device()

    def silently() -> None:
        device.power_cycle()
        device._outgoing.clear()  # the BOOT event is lost

    at_byte(device, 5, silently)
    result = validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert (result["accuracy"], result["mismatched_bytes"]) == (1.0, 0)


def test_a_device_that_resets_for_ever(setup: Setup) -> None:
    device = setup.device()
    plain = device.model
    device.model = lambda raw: (device.power_cycle(), plain(raw))[1]
    with pytest.raises(DeviceReset):
        validate(setup.model, BOARD, setup.data, port=device, quiet=True)


def test_a_port_that_vanishes(setup: Setup) -> None:
    device = setup.device()
    at_byte(device, 8, lambda: setattr(device, "gone", True))
    with pytest.raises(PortError, match="gone"):
        validate(setup.model, BOARD, setup.data, port=device, quiet=True)
    assert device.closed


def test_a_fault_midway(setup: Setup) -> None:
    device = setup.device()
    at_byte(device, 8, lambda: setattr(device, "faults", b"\1" + bytes(16)))
    with pytest.raises(DeviceFault, match="hard fault"):
        validate(setup.model, BOARD, setup.data, port=device, quiet=True)
