"""The link against real firmware on every emulated board; the model is a few lines of C, see handmade.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.firmware.handmade import SHA256, hand_program
from tinykit.boards import board
from tinykit.errors import DeviceError, DeviceFault, DeviceReset, ToolFailed, UsageError, WrongFirmware
from tinykit.firmware.build import Firmware, build_program
from tinykit.flash import flash
from tinykit.flash.running import stop
from tinykit.link.device import Device, open_device
from tinykit.link.frames import MAX_PAYLOAD

pytestmark = pytest.mark.emulated
BOARDS = ["mps2-an386", "microbit", "stm32vldiscovery", "netduinoplus2", "mps3-an547"]
MAIN = "mps2-an386"
Build = Callable[[str], Firmware]


def loop(rounds: int) -> bytes:
    """The input that asks for so many rounds of two instructions."""
    return b"\x76\0\0\0" + rounds.to_bytes(4, "little")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Firmware of the hand-made model for a board, built once."""
    done: dict[str, Firmware] = {}

    def build(name: str) -> Firmware:
        if name not in done:
            done[name] = build_program(hand_program(), board(name), tmp_path_factory.mktemp("hand") / name)
        return done[name]

    return build


@pytest.fixture
def device(built: Build) -> Iterator[Device]:
    with open_device(board(MAIN), built(MAIN)) as opened:
        yield opened


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_answers(built: Build, name: str) -> None:
    noise = random.Random(name)
    with open_device(board(name), built(name)) as dut:
        hello = dut.require_model(SHA256)
        greeted = dut.silences  # the first HELLO may come before the UART listens
        assert (hello.board, hello.target, hello.engine) == (name, board(name).target.name, "aot")
        assert (hello.input_bytes, hello.output_bytes, hello.steps) == (8, 8, 2)
        for _ in range(50):
            frame = noise.randbytes(noise.randrange(MAX_PAYLOAD + 1))
            assert dut.echo(frame) == frame
        assert dut.infer(bytes(range(8))) == [bytes((1, 2, 3, 4, 5, 6, 7, 8))]
        short = dut.run(loop(10)).ticks
        long = dut.run(loop(1_000_000)).ticks
        counted = dut.instructions(long - short)
        assert counted is not None
        assert abs(counted - 2 * (1_000_000 - 10)) <= 8  # two instructions a round
        assert dut.emulated
        assert dut.silences == greeted


def test_steps_arena_and_stack(device: Device) -> None:
    device.step(0)
    device.step(1)
    assert device.peek(16, 2) == bytes((42, 43))
    shallow = (device.infer(bytes(8)), device.stack().peak)[1]
    device.infer(b"\x74" + bytes(7))
    stack = device.stack()
    assert stack.peak >= shallow + 500
    assert stack.peak < stack.size


def test_a_fault_names_the_function(device: Device) -> None:
    device.write_input(b"\x71" + bytes(7))
    with pytest.raises(DeviceFault, match=r"hard fault at PC 0x[0-9a-f]{8} in hand_invoke") as caught:
        device.invoke()
    assert caught.value.facts["pc"] != 0
    with pytest.raises(DeviceFault):  # it says so again until it is reset
        device.echo(b"still there?")
    device.reset()
    assert device.infer(bytes(8)) == [bytes((1, 1, 1, 1, 1, 1, 1, 1))]


def test_a_stack_overflow_is_called_so(device: Device) -> None:
    device.write_input(b"\x72" + bytes(7))
    with pytest.raises(DeviceFault, match="stack overflow"):
        device.invoke()
    assert device.hello().sha256 == SHA256  # the greeting clears it


def test_an_error_of_the_model_is_a_refusal(device: Device) -> None:
    device.write_input(b"\x75" + bytes(7))
    with pytest.raises(DeviceError, match="refused INVOKE; found refused in this state"):
        device.invoke()


def test_the_reset_button_is_noticed(device: Device) -> None:
    device.write_input(bytes(8))
    assert device.emulator is not None
    device.emulator.reset()
    with pytest.raises(DeviceReset):
        device.invoke()
    assert device.require_model(SHA256).sha256 == SHA256
    assert len(device.infer(bytes(8))[0]) == 8


def test_reset_over_the_line(device: Device) -> None:
    device.infer(bytes(8))
    assert device.stack().peak > 0
    device.reset()
    assert device.stack().peak == 0


def test_another_model_is_refused(device: Device) -> None:
    with pytest.raises(WrongFirmware):
        device.require_model("ff" * 32)


def test_an_emulator_that_dies_midway(device: Device) -> None:
    assert device.emulator is not None
    device.emulator.stop()
    with pytest.raises(ToolFailed, match="the emulator died"):
        device.echo(b"x")


def test_flash_then_talk_to_its_port(built: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    try:
        port = flash(board(MAIN), built(MAIN)).port
        for _ in range(2):  # it goes on between two sessions
            with open_device(board(MAIN), port=port) as dut:
                assert dut.require_model(SHA256).board == MAIN
                ticks = dut.run(loop(1_000_000)).ticks
                assert dut.instructions(ticks) is not None
                assert dut.emulated
    finally:
        assert stop() == [MAIN]


def test_without_counting_there_are_no_instructions(built: Build) -> None:
    with open_device(board(MAIN), built(MAIN), counting=False) as dut:
        assert dut.instructions(dut.run(bytes(8)).ticks) is None
        assert dut.emulated


def test_neither_firmware_nor_port() -> None:
    with pytest.raises(UsageError, match="--port"), open_device(board(MAIN)):
        pass
