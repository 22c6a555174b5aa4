"""The firmware on emulated boards, through the link."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import pytest

from tests.firmware.handmade import DEEP, SHA256, hand_program
from tinykit.boards import all_boards, board
from tinykit.errors import DeviceError, DeviceFault
from tinykit.firmware.build import Firmware, build_program
from tinykit.link.device import Device, open_device
from tinykit.link.frames import Decoder, Kind

pytestmark = pytest.mark.emulated

BOARDS = [
    b.name for b in all_boards() if b.emulator and b.target.name.startswith("cortex-m") and b.emulator.kind == "qemu"
]
UNDEFINED, RECURSION, BAD_READ, STACK, REFUSE, LOOP = range(0x71, 0x77)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("firmware")


@pytest.fixture(scope="module", params=BOARDS)
def firmware(request: pytest.FixtureRequest, folder) -> Firmware:
    """The hand-made model's firmware on each board in turn."""
    return build_program(hand_program(), board(request.param), folder / request.param)


@pytest.fixture
def device(firmware: Firmware) -> Iterator[Device]:
    """A freshly started board."""
    with open_device(firmware.board, firmware) as opened:
        yield opened


def wish(device: Device, what: int) -> int:
    """Run the model once with the first input byte `what`; the ticks that it took."""
    device.write_input(bytes([what, 0, 0, 0, 0, 0, 0, 0]))
    return device.invoke()


def test_says_what_it_is(device: Device, firmware: Firmware) -> None:
    hello = device.hello()
    assert (hello.board, hello.target) == (firmware.board.name, firmware.board.target.name)
    assert (hello.model, hello.engine, hello.sha256) == ("hand", "aot", SHA256)
    assert (hello.inputs, hello.outputs, hello.input_bytes, hello.output_bytes) == (1, 1, 8, 8)
    assert (hello.arena_bytes, hello.steps, hello.max_payload) == (64, 2, 240)
    assert hello.counter_hz == firmware.board.clock_hz


def test_echoes_and_infers(device: Device) -> None:
    for count in (0, 1, 100, 240):
        data = random.Random(count).randbytes(count)
        assert device.echo(data) == data
    assert device.echo(bytes(240)) == bytes(240)
    assert device.infer(bytes([1, 2, 3, 4, 250, 255, 0, 9])) == [bytes([2, 3, 4, 5, 251, 0, 1, 10])]


def test_counts_instructions_through_the_counters_wraps(device: Device) -> None:
    """Rounds of two instructions: three million take the 24-bit counter through 7 wraps at 168 MHz, 1 at 25 MHz."""
    counts = {}
    for rounds in (10, 1000, 3_000_000):
        device.write_input(struct.pack("<BxxxI", LOOP, rounds))
        counts[rounds] = device.instructions(device.invoke())
    assert counts[1000] - counts[10] == 2 * (1000 - 10)
    assert abs(counts[3_000_000] - counts[10] - 2 * (3_000_000 - 10)) <= 2


def test_steps_and_looks_into_the_arena(device: Device) -> None:
    device.step(0)
    device.step(1)
    assert device.peek(16, 2) == bytes([42, 43])
    for refused in (lambda: device.step(2), lambda: device.peek(60, 5), lambda: device.peek(2**32 - 1, 2)):
        with pytest.raises(DeviceError, match="range"):
            refused()
    with pytest.raises(DeviceError, match="range"):
        device.write_input(bytes(9))
    assert device.echo(b"still here") == b"still here"


def test_measures_the_stack(device: Device, firmware: Firmware) -> None:
    device.infer(bytes(8))
    shallow = device.stack()
    assert shallow.size == firmware.sizes.stack_reserved - 16  # the fault handler's
    assert 0 < shallow.peak < 128
    wish(device, STACK)
    assert DEEP <= device.stack().peak < DEEP + 128


def test_a_model_that_refuses(device: Device) -> None:
    with pytest.raises(DeviceError):
        wish(device, REFUSE)
    assert device.infer(bytes(8)) == [bytes([1] * 8)]


@pytest.mark.parametrize(("what", "cause"), [(UNDEFINED, "hard fault"), (RECURSION, "stack overflow")])
def test_reports_faults_and_comes_back(device: Device, what: int, cause: str) -> None:
    with pytest.raises(DeviceFault, match=cause) as caught:
        wish(device, what)
    if what == UNDEFINED:
        assert "in hand_invoke" in str(caught.value)
    with pytest.raises(DeviceFault, match=cause):  # said again to whatever is asked
        device.echo(b"?")
    device.reset()
    assert device.infer(bytes(8)) == [bytes([1] * 8)]


def test_names_the_address_of_a_bad_read(folder) -> None:
    """Where nothing answers; on the M0 no register tells the address."""
    firmware = build_program(hand_program(), board("mps2-an386"), folder / "mps2-an386")
    with open_device(firmware.board, firmware) as device, pytest.raises(DeviceFault, match="fault address 0x6f000000"):
        wish(device, BAD_READ)


def test_says_so_when_it_starts_again(device: Device) -> None:
    decoder, frames = Decoder(), []
    device.emulator.reset()
    while not frames:
        data = device.port.read(5.0)
        assert data, "no event within 5 s of the reset"
        frames = decoder.feed(data)
    assert [(f.type, f.seq, f.payload) for f in frames] == [(Kind.BOOT, 0, b"")]
    device.hello()
    assert device.infer(bytes(8)) == [bytes([1] * 8)]


def test_a_model_that_cannot_start(folder) -> None:
    firmware = build_program(hand_program(start=1), board("mps2-an386"), folder / "no-start")
    with pytest.raises(DeviceFault, match="hard fault"), open_device(firmware.board, firmware):
        pass


@pytest.mark.parametrize("name", ["microbit", "mps2-an386"])
def test_survives_any_bytes(name: str, folder) -> None:
    firmware = build_program(hand_program(), board(name), folder / name)
    noise = random.Random(7).randbytes(200_000)
    with open_device(firmware.board, firmware, counting=False) as device:
        for at in range(0, len(noise), 4096):
            device.port.write(noise[at : at + 4096])
        device.port.write(b"\0")
        assert device.hello().sha256 == SHA256
        assert device.infer(bytes(8)) == [bytes([1] * 8)]
