"""COBS and frames: round trips, and no bytes that break the decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.link import cobs
from tinykit.link.frames import MAX_PAYLOAD, Decoder, Frame, encode

frames = st.builds(
    Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MAX_PAYLOAD) | st.just(bytes(MAX_PAYLOAD))
)
runs = st.lists(st.sampled_from([b"\0", b"\1", b"\xff", b"a" * 253, b"b" * 254, b"c" * 255]), max_size=6).map(b"".join)


@given(st.binary(max_size=600) | runs)
def test_cobs_round_trip(data: bytes) -> None:
    stuffed = cobs.encode(data)
    assert 0 not in stuffed
    assert len(stuffed) <= len(data) + 1 + len(data) // 254
    assert cobs.decode(stuffed) == data


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        (b"", b"\1"),
        (b"\0", b"\1\1"),
        (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255))),
        (bytes(range(1, 255)) + b"\0", b"\xff" + bytes(range(1, 255)) + b"\1\1"),
    ],
)
def test_cobs_known_answers(data: bytes, stuffed: bytes) -> None:
    assert cobs.encode(data) == stuffed
    assert cobs.decode(stuffed) == data


@pytest.mark.parametrize("block", [b"", b"\0", b"\3a", b"\3a\0"])
def test_cobs_refuses_what_no_encoder_makes(block: bytes) -> None:
    with pytest.raises(ValueError, match=r"COBS"):
        cobs.decode(block)


def test_frame_known_answer() -> None:
    assert encode(Frame(1, 5)) == bytes.fromhex("07 01 05 31 d7 a8 28 00")  # CRC-32 of 01 05 is 0x28a8d731


@given(st.lists(frames, max_size=5), st.data())
def test_frames_survive_any_cutting(sent: list[Frame], data: st.DataObject) -> None:
    wire = b"".join(map(encode, sent))
    decoder = Decoder()
    got: list[Frame] = []
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        got += decoder.feed(wire[:cut])
        wire = wire[cut:]
    assert got == sent
    assert decoder.dropped == 0


@given(st.binary(max_size=2000), frames)
def test_any_bytes_then_a_frame(noise: bytes, frame: Frame) -> None:
    decoder = Decoder()
    decoder.feed(noise)
    decoder.feed(b"\0")
    assert decoder.feed(encode(frame)) == [frame]


@given(frames, st.data())
def test_a_flipped_bit_never_passes(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode(frame))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    decoder = Decoder()
    assert decoder.feed(bytes(wire) + b"\0") == []
    assert decoder.dropped >= 1


def test_an_endless_block_takes_no_memory() -> None:
    decoder = Decoder()
    for _ in range(1000):
        decoder.feed(b"x" * 1000)
    assert len(decoder._block) < 300
    assert decoder.feed(b"\0" + encode(Frame(9, 1, b"still here"))) == [Frame(9, 1, b"still here")]


def test_a_payload_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="241"):
        encode(Frame(1, 1, bytes(MAX_PAYLOAD + 1)))
