"""Request and answer over a line that loses, damages, doubles and delays; with a fake clock, without waiting."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.errors import DeviceError, DeviceFault, DeviceReset, LinkTimeout, PortError
from tinykit.link.client import Client
from tinykit.link.device import Device
from tinykit.link.fake import FakeDevice, fake_hello
from tinykit.link.frames import Frame, Kind, encode

SHA = "ab" * 32
SIZE = 600


def double(x: bytes) -> bytes:
    """A model whose output shows every input byte."""
    return bytes((2 * b + 1) & 255 for b in x)


def device(**options: object) -> tuple[FakeDevice, Device]:
    fake = FakeDevice(fake_hello(SHA, SIZE, SIZE), double, **options)  # type: ignore[arg-type]
    return fake, Device(fake)


class Disturbed:
    """Applies one disturbance after another to what passes; once they are used up, the line is clean."""

    def __init__(self, disturbances: list[tuple[str, int]]) -> None:
        self._left = iter(disturbances)
        self._held = b""

    def __call__(self, data: bytes) -> bytes:
        kind, number = next(self._left, ("clean", 0))
        at = number % max(len(data), 1)
        if kind == "hold":  # delay: arrives behind what comes next
            held, self._held = self._held, data
            return held
        change: dict[str, Callable[[], bytes]] = {
            "clean": lambda: data,
            "lose": lambda: b"",
            "flip": lambda: data[:at] + bytes((data[at] ^ (1 << number % 8),)) + data[at + 1 :],
            "drop": lambda: data[:at] + data[at + 1 :],
            "insert": lambda: data[:at] + bytes((number & 255,)) + data[at:],
            "double": lambda: data + data,
        }
        held, self._held = self._held, b""
        return change[kind]() + held


disturbances = st.lists(
    st.tuples(st.sampled_from(["clean", "lose", "flip", "drop", "insert", "double", "hold"]), st.integers(0, 3000)),
    max_size=25,
)


@given(disturbances, disturbances, st.randoms(use_true_random=False))
def test_a_bad_line_costs_time_but_never_bytes(up: list, down: list, random: random.Random) -> None:
    x = random.randbytes(SIZE)
    fake, dut = device()
    dut.hello()
    fake.to_device, fake.to_host = Disturbed(up), Disturbed(down)
    try:
        assert dut.infer(x) == [double(x)]
        assert dut.infer(x[::-1]) == [double(x[::-1])]
    except LinkTimeout:
        assert dut.silences >= 3  # given up after as many tries, not silently wrong
    else:
        assert fake.invocations == 2


def test_a_clean_line_needs_no_second_try() -> None:
    fake, dut = device()
    assert dut.infer(bytes(SIZE)) == [double(bytes(SIZE))]
    assert (dut.silences, fake.invocations, fake.now) == (0, 1, 0.0)


def test_a_lost_answer_does_not_run_the_model_twice() -> None:
    fake, dut = device()
    dut.write_input(b"\x07" * SIZE)
    lose = iter([b""])
    fake.to_host = lambda data: next(lose, data)
    dut.invoke()
    assert fake.invocations == 1
    assert dut.read_output(SIZE) == double(b"\x07" * SIZE)


def test_two_sessions_in_a_row_do_not_look_like_a_repeat() -> None:
    fake, _ = device()
    for value in (1, 2):
        client = Client(fake)
        client.request(Kind.HELLO)
        client.request(Kind.WRITE, struct.pack("<BI", 0, 0) + bytes([value]))
        client.request(Kind.INVOKE)
        assert client.request(Kind.READ, struct.pack("<BIH", 0, 0, 1)) == double(bytes([value]))
    assert fake.invocations == 2


def test_an_invoke_a_whole_round_of_numbers_later_is_a_new_one() -> None:
    fake, dut = device()
    dut.hello()
    seqs = []
    fake.to_device = lambda data: data
    original = fake._invoke
    fake._invoke = lambda frame: (seqs.append(frame.seq), original(frame))[1]  # type: ignore[method-assign]
    dut.invoke()
    for _ in range(254):
        dut.echo(b"")
    dut.invoke()
    assert seqs[0] != seqs[1]
    assert 0 not in seqs


def test_silence_ends_in_a_timeout_that_grows_with_the_bytes() -> None:
    fake, dut = device(to_device=lambda data: b"")
    with pytest.raises(LinkTimeout, match="did not answer HELLO") as caught:
        dut.hello()
    assert caught.value.exit_status == 3
    start = fake.now
    with pytest.raises(LinkTimeout, match="ECHO"):
        dut.echo(bytes(4))
    short, start = fake.now - start, fake.now
    with pytest.raises(LinkTimeout, match="ECHO"):
        dut.echo(bytes(240))
    assert 6 < short < fake.now - start < 7


def test_a_program_that_prints_text_is_not_called_silent() -> None:
    _, dut = device(to_host=lambda data: b"hello world\r\n")
    with pytest.raises(LinkTimeout) as caught:
        dut.hello()
    assert "no frame" in str(caught.value.found) and "silence" not in str(caught.value)


def test_a_long_inference_is_waited_for() -> None:
    fake, dut = device()
    dut.hello()
    dut.write_input(bytes(SIZE))
    held: list[bytes] = []

    def slow(data: bytes) -> bytes:
        held.append(data)
        return held[0] if fake.now > 20 else b""

    fake.to_host = slow
    assert dut.invoke() == fake.ticks
    assert fake.invocations == 1


def test_noise_for_ever_is_a_timeout_too() -> None:
    fake, dut = device()
    ticking = itertools.count()

    def noise(timeout: float) -> bytes:
        fake.now += 0.01
        return bytes((next(ticking) & 255,) * 50)

    fake.read = noise  # type: ignore[method-assign]
    with pytest.raises(LinkTimeout, match="damaged frames"):
        dut.echo(b"x")


def test_a_fault_is_reported_with_pc_and_cause() -> None:
    fake, dut = device()
    dut.hello()
    fake.faults = struct.pack("<BIIII", 2, 0x1234, 0x5678, 0x8200, 0x20000000)
    with pytest.raises(DeviceFault, match="stack overflow at PC 0x00001234") as caught:
        dut.invoke()
    assert caught.value.facts["lr"] == 0x5678
    assert caught.value.exit_status == 3


def test_an_old_fault_is_cleared_by_the_greeting() -> None:
    fake, dut = device()
    fake.faults = bytes(17)
    assert dut.hello().sha256 == SHA
    assert fake.faults is None


def test_a_reset_of_the_device_itself_is_noticed() -> None:
    fake, dut = device()
    dut.write_input(bytes(SIZE))
    fake.power_cycle()
    with pytest.raises(DeviceReset, match="reset itself"):
        dut.invoke()
    assert dut.infer(bytes(SIZE)) == [double(bytes(SIZE))]


def test_an_asked_for_reset_is_no_surprise() -> None:
    _, dut = device()
    assert dut.reset().sha256 == SHA
    assert dut.infer(bytes(SIZE)) == [double(bytes(SIZE))]


def test_a_refusal_says_what_was_refused_and_why() -> None:
    _, dut = device()
    with pytest.raises(DeviceError, match="refused READ; found out of range"):
        dut.read_output(SIZE + 1)
    with pytest.raises(DeviceError, match="refused WRITE"):
        dut.write_input(bytes(SIZE + 1))
    with pytest.raises(DeviceError, match="refused PEEK"):
        dut.peek(1 << 30, 4)


def test_a_port_that_vanishes_midway() -> None:
    fake, dut = device()
    dut.hello()
    fake.gone = True
    with pytest.raises(PortError, match="gone"):
        dut.infer(bytes(SIZE))


@given(st.lists(st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60)), max_size=20))
def test_a_hostile_device_causes_only_errors_of_ours(frames: list[Frame]) -> None:
    fake, dut = device()
    lines = iter(encode(f) for f in frames)
    fake.to_host = lambda data: next(lines, data)
    fake._outgoing.clear()
    try:
        dut.infer(bytes(SIZE))
    except DeviceError as error:
        assert str(error)
    except Exception as error:
        from tinykit.errors import TinykitError

        assert isinstance(error, TinykitError)
