"""The device's description, its hash, sizes, and what its ticks mean."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.errors import DeviceError, TinykitError, UsageError, WrongFirmware
from tinykit.link.device import Device
from tinykit.link.fake import FakeDevice, fake_hello
from tinykit.link.hello import COUNTERS, Hello

SHA = "0123456789abcdef" * 4


def device(**options: object) -> Device:
    fake = FakeDevice(fake_hello(SHA, 8, 4, steps=2, arena_bytes=16), lambda x: x[:4])
    return Device(fake, **options)  # type: ignore[arg-type]


names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)
words = st.integers(0, 2**32 - 1)


@given(
    st.builds(
        Hello,
        version=st.just(1),
        can_step=st.booleans(),
        counter=st.sampled_from(list(COUNTERS.values())),
        inputs=st.integers(0, 255),
        outputs=st.integers(0, 255),
        max_payload=st.integers(0, 65535),
        steps=st.integers(0, 65535),
        counter_hz=words,
        input_bytes=words,
        output_bytes=words,
        arena_bytes=words,
        sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
        board=names,
        target=names,
        engine=names,
        model=names,
    )
)
def test_hello_round_trip(hello: Hello) -> None:
    assert Hello.parse(hello.pack()) == hello


@given(st.binary(max_size=200))
def test_hello_survives_any_payload(payload: bytes) -> None:
    try:
        Hello.parse(payload)
    except TinykitError as error:
        assert isinstance(error, (DeviceError, WrongFirmware))


def test_another_protocol_version_is_refused() -> None:
    payload = bytearray(fake_hello(SHA, 1, 1).pack())
    payload[0] = 2
    with pytest.raises(WrongFirmware, match="expected 1, found 2"):
        Hello.parse(bytes(payload))


def test_the_right_model_is_accepted_and_another_refused() -> None:
    assert device().require_model(SHA).model == "fake"
    with pytest.raises(WrongFirmware, match=r"runs another model.*0123456789abcdef") as caught:
        device().require_model("ff" * 32)
    assert caught.value.facts["found_sha256"] == SHA
    assert caught.value.exit_status == 2


def test_arrays_travel_little_endian_and_contiguous() -> None:
    assert device().infer(np.arange(2, dtype=">i4")) == [b"\0\0\0\0"]
    assert device().infer(np.arange(16, dtype=np.int8)[::2]) == [bytes((0, 2, 4, 6))]


def test_sizes_are_checked_against_the_device() -> None:
    with pytest.raises(UsageError, match=r"1 inputs of 8 bytes.*found 1 inputs of 9 bytes"):
        device().infer(bytes(9))
    with pytest.raises(UsageError, match="found 2 inputs"):
        device().infer(bytes(4), bytes(4))
    with pytest.raises(UsageError, match="outputs of 5 bytes"):
        device().infer(bytes(8), output_bytes=(5,))


@pytest.mark.parametrize(
    ("mhz", "ticks", "instructions"), [(25, 3200, 1000), (25, 3201, 1000), (16, 8, 4), (24, 3, 1), (168, 215040, 10000)]
)
def test_instructions_from_ticks_under_icount(mhz: int, ticks: int, instructions: int) -> None:
    fake = FakeDevice(dataclasses.replace(fake_hello(SHA, 1, 1), counter_hz=mhz * 1_000_000), lambda x: x)
    assert Device(fake, icount_shift=7).instructions(ticks) == instructions


def test_ticks_of_hardware_are_not_instructions() -> None:
    dut = device()
    assert dut.instructions(1000) is None
    assert dut.tick_unit == "ticks"
    cycles = FakeDevice(dataclasses.replace(fake_hello(SHA, 1, 1), counter="DWT cycles"), lambda x: x)
    assert Device(cycles).tick_unit == "cycles"


def test_step_peek_stack_echo() -> None:
    fake = FakeDevice(fake_hello(SHA, 8, 4, steps=2, arena_bytes=500), lambda x: x[:4])

    def write_number(index: int, x: bytes, arena: bytearray) -> None:
        arena[:] = bytes((index + 1,)) * len(arena)

    fake.step = write_number
    dut = Device(fake)
    assert dut.step(1) == fake.ticks
    assert dut.peek(0, 500) == b"\2" * 500
    assert dut.stack().size == 1024
    assert dut.echo(bytes(range(240))) == bytes(range(240))
