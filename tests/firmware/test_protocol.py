"""The firmware's frames, compiled for the host with sanitizers and held against the host's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit.files import data_folder
from tinykit.link.frames import MAX_PAYLOAD, Decoder, Frame, Kind, encode

# Reads bytes, sends every sound frame back as it came.
MIRROR = r"""
#include <stdio.h>
#include "protocol.h"
#include "uart.h"

void uart_put(uint8_t byte) { putchar(byte); }

int main(void) {
    static Frame frame;
    frame_clear(&frame);
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        if (frame_receive(&frame, (uint8_t)byte)) {
            frame_send(&frame);
            frame_clear(&frame);
        }
    }
    return 0;
}
"""

frames = st.builds(Frame, st.sampled_from(list(Kind)), st.integers(0, 255), st.binary(max_size=MAX_PAYLOAD))


@pytest.fixture(scope="module")
def mirror(host_cc: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that mirrors sound frames."""
    folder = tmp_path_factory.mktemp("protocol")
    (folder / "mirror.c").write_text(MIRROR)
    source = data_folder("firmware_templates") / "baremetal"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=address,undefined"]
    command = [host_cc, *flags, "-fno-sanitize-recover", f"-I{source}", folder / "mirror.c", source / "protocol.c"]
    subprocess.run([*command, "-o", folder / "mirror"], check=True, timeout=60)
    return folder / "mirror"


def reflect(mirror: Path, data: bytes) -> bytes:
    """What comes back; fails when a sanitizer complains."""
    return subprocess.run([mirror], input=data, capture_output=True, check=True, timeout=30).stdout


@settings(deadline=None, max_examples=40)
@given(st.lists(frames, max_size=20))
def test_frames_come_back_byte_for_byte(mirror: Path, sent: list[Frame]) -> None:
    data = b"".join(map(encode, sent))
    assert reflect(mirror, data) == data


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.binary(max_size=600), frames.map(encode)), max_size=12))
def test_any_bytes_are_survived_and_read_as_the_host_reads_them(mirror: Path, parts: list[bytes]) -> None:
    data = b"".join(parts) + b"\0"
    understood = Decoder().feed(data)
    assert reflect(mirror, data) == b"".join(map(encode, understood))


def test_the_largest_frame_and_one_byte_more(mirror: Path) -> None:
    largest = encode(Frame(Kind.ECHO, 1, bytes(range(240))))
    assert reflect(mirror, largest) == largest
    longer = b"\xff" + bytes([1]) * 254 + b"\0"
    assert reflect(mirror, longer + largest) == largest
