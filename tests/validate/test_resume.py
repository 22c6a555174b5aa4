"""A validation that is cut off goes on where it stopped, with answers that are still of use and no others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.validate.test_serial import BOARD, CLASSES, COUNT, Setup, at_byte
from tinykit.errors import DeviceError, OutputError, PortError
from tinykit.link.fake import FakeDevice
from tinykit.validate.serial import checkpoint_path, validate

MESSAGES = 3
"""Of one sample: write, invoke, read."""


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    made = Setup(tmp_path_factory.mktemp("resume"))
    yield made
    made.judge.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "firmware"


def run(setup: Setup, device: FakeDevice, folder: Path, *, data: Path | None = None, resume: bool = True) -> dict:
    return validate(setup.model, BOARD, data or setup.data, port=device, quiet=True, folder=folder, resume=resume)


def unplugged(setup: Setup, folder: Path, samples: int) -> FakeDevice:
    """A device that is unplugged when so many samples are answered."""
    device = setup.device()
    at_byte(device, 2 + MESSAGES * samples + 1, lambda: setattr(device, "gone", True))
    with pytest.raises(PortError, match=f"{samples} answered samples are kept: the same command goes on"):
        run(setup, device, folder)
    return device


def test_an_unplugged_board_goes_on_where_it_stopped(setup: Setup, folder: Path) -> None:
    assert unplugged(setup, folder, 5).invocations == 5
    device = setup.device()
    result = run(setup, device, folder)
    assert device.invocations == COUNT - 5
    assert (result["resumed"], result["samples"], result["accuracy"]) == (5, COUNT, 1.0)
    assert (result["bytes"], result["mismatched_bytes"]) == (COUNT * CLASSES, 0)
    assert not checkpoint_path(setup.graph, BOARD, folder).exists()
    again = setup.device()
    assert run(setup, again, folder)["resumed"] == 0  # a whole validation is never taken from a file
    assert again.invocations == COUNT


def test_wrong_answers_that_were_kept_are_still_wrong(setup: Setup, folder: Path) -> None:
    device = setup.device()
    device.model = lambda raw: bytes(b ^ 1 for b in setup.infer(raw))
    at_byte(device, 2 + MESSAGES * 4 + 1, lambda: setattr(device, "gone", True))
    with pytest.raises(PortError):
        run(setup, device, folder)
    result = run(setup, setup.device(), folder)
    assert (result["mismatched_samples"], result["first_mismatched_sample"]) == (4, 0)


def test_a_board_that_resets_and_one_that_is_unplugged_twice(setup: Setup, folder: Path) -> None:
    unplugged(setup, folder, 3)
    device = setup.device()
    at_byte(device, 2 + 2 * MESSAGES, device.power_cycle)
    original = device.to_device

    def passing(data: bytes) -> bytes:
        device.gone = device.invocations >= 5
        return original(data)

    device.to_device = passing
    with pytest.raises(PortError):
        run(setup, device, folder)
    last = setup.device()
    result = run(setup, last, folder)
    assert 3 < result["resumed"] == COUNT - last.invocations
    assert (result["accuracy"], result["mismatched_bytes"]) == (1.0, 0)


def test_without_resume_all_is_asked_again(setup: Setup, folder: Path) -> None:
    unplugged(setup, folder, 5)
    device = setup.device()
    assert run(setup, device, folder, resume=False)["resumed"] == 0
    assert device.invocations == COUNT


def test_answers_of_another_device_are_of_no_use(setup: Setup, folder: Path) -> None:
    unplugged(setup, folder, 5)
    device = setup.device()
    device.hello = dataclasses.replace(device.hello, engine="tflm")
    assert run(setup, device, folder)["resumed"] == 0


def test_answers_to_other_samples_are_of_no_use(setup: Setup, folder: Path, tmp_path: Path) -> None:
    unplugged(setup, folder, 5)
    x, y = setup.x.copy(), setup.answers.argmax(axis=1)
    x[1] ^= 1
    y[3] = (y[3] + 1) % CLASSES
    np.savez(tmp_path / "other.npz", x=x, y=y)
    device = setup.device()
    assert run(setup, device, folder, data=tmp_path / "other.npz")["resumed"] == 3
    assert device.invocations == COUNT - 3


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-20], lambda text: "", lambda text: "{" + text, lambda text: text + "[9"]
)
def test_a_damaged_file_costs_samples_but_never_a_wrong_answer(setup: Setup, folder: Path, damage) -> None:
    unplugged(setup, folder, 5)
    path = checkpoint_path(setup.graph, BOARD, folder)
    path.write_text(damage(path.read_text()))
    result = run(setup, setup.device(), folder)
    assert result["resumed"] in (0, 4, 5)
    assert (result["accuracy"], result["mismatched_bytes"]) == (1.0, 0)


def test_a_place_where_nothing_can_be_kept(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        run(setup, setup.device(), tmp_path / "file" / "firmware")


def test_cycles_are_called_so_where_the_core_counts_them(setup: Setup, folder: Path) -> None:
    device = setup.device()
    device.hello = dataclasses.replace(device.hello, counter="DWT cycles", counter_hz=100_000_000)
    result = run(setup, device, folder)
    assert result["cycles"]["p95"] == 1000
    assert result["latency_ms"]["max"] == 0.01
    assert result["instructions"] is None


def test_a_device_error_without_answers_promises_nothing(setup: Setup, folder: Path) -> None:
    device = setup.device()
    at_byte(device, 3, lambda: setattr(device, "gone", True))
    with pytest.raises(DeviceError) as caught:
        run(setup, device, folder)
    assert "are kept" not in str(caught.value)
