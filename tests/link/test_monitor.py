"""What a terminal shows: text as it is, frames in words, scores as bars; whatever bytes come."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.models import ModelBuilder, fully_connected
from tinykit.cli.main import run
from tinykit.errors import PortError, WrongFirmware
from tinykit.graph.reader import read_graph
from tinykit.link.device import Device
from tinykit.link.fake import FakeDevice, fake_hello, on_pty
from tinykit.link.frames import RESPONSE, Frame, Kind, encode
from tinykit.link.monitor import Plot, Splitter, describe
from tinykit.link.terminal import listen, plot_scores

SHA = "cd" * 32
frames = st.builds(Frame, st.sampled_from([*Kind, 0x83, 0x84, 0x42]), st.integers(0, 255), st.binary(max_size=60))
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)


@given(st.lists(st.one_of(frames, texts), max_size=12), st.integers(1, 40))
def test_text_and_frames_come_apart_however_they_are_cut(parts: list[Frame | str], size: int) -> None:
    data = b"".join(encode(p) if isinstance(p, Frame) else p.encode() + b"\n" for p in parts)
    splitter = Splitter()
    found = [item for at in range(0, len(data), size) for item in splitter.feed(data[at : at + size])]
    assert [f for f in found if isinstance(f, Frame)] == [p for p in parts if isinstance(p, Frame)]
    shown = iter(f for f in found if isinstance(f, str))
    assert all(line in shown for line in (p for p in parts if isinstance(p, str)))  # all of them, in order
    assert splitter.dropped == 0


@given(st.binary(max_size=6000))
def test_any_bytes_are_survived_and_nothing_steers_the_terminal(data: bytes) -> None:
    out = io.StringIO()
    listen(Script([data]), out, seconds=1, plot=Plot())
    said = out.getvalue().replace("\033[2K", "")
    assert all(c.isprintable() or c in "\n\t" for c in said.replace("\033[", "["))


@given(frames)
def test_every_frame_has_words(frame: Frame) -> None:
    assert describe(frame).isprintable()


def test_words() -> None:
    fault = Frame(Kind.FAULT, 0, struct.pack("<BIIII", 3, 0x1234, 0x5679, 0, 0))
    assert describe(fault, lambda pc: "spin").startswith("FAULT: watchdog at PC 0x00001234 in spin, LR 0x00005679")
    assert describe(Frame(Kind.BOOT, 0)) == "BOOT: the device started"
    assert describe(Frame(Kind.ERROR, 1, b"\x03\x04")) == "ERROR: READ refused, out of range"
    assert describe(Frame(Kind.INVOKE | RESPONSE, 1, struct.pack("<Q", 77))) == "INVOKE answered: 77 ticks"
    hello = fake_hello(SHA, 8, 8)
    assert "fake (aot) on fake, SHA-256 cdcdcdcdcdcdcdcd..." in describe(Frame(Kind.HELLO | RESPONSE, 1, hello.pack()))
    assert describe(Frame(Kind.HELLO | RESPONSE, 1, b"\x09")).startswith("HELLO answered: the device speaks another")
    assert describe(Frame(Kind.ECHO | RESPONSE, 1, b"ab")) == "ECHO answered: 2 bytes, 61 62"


def test_text_that_runs_into_a_frame() -> None:
    assert Splitter().feed(b"ready\n" + encode(Frame(Kind.BOOT, 0))) == ["ready", Frame(Kind.BOOT, 0)]
    assert Splitter().feed(b"score: " + encode(Frame(Kind.BOOT, 0))) == ["score:", Frame(Kind.BOOT, 0)]


@dataclass
class Script:
    """A port that gives these pieces, and then moves its clock on."""

    pieces: list[bytes]
    name: str = "script"
    now: float = 0.0
    sent: list[bytes] = field(default_factory=list)

    def read(self, timeout: float) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        self.now += timeout
        return b""

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def clock(self) -> float:
        return self.now

    def close(self) -> None:
        pass


def test_scores_become_bars_drawn_in_place() -> None:
    out = io.StringIO()
    pieces = [b"cat 1\n0.1, 0.9\n", b"0.5 0.5\n", b"hello\n", b"1;0\n"]
    assert listen(Script(pieces), out, seconds=1, plot=Plot(["cat", "dog"], 80)) == {
        "lines": 5,
        "frames": 0,
        "dropped": 0,
    }
    first, second, third = (
        out.getvalue().split("hello\n")[0].split("\033[2A")[0],
        *out.getvalue().split("\033[2A")[1:],
        "",
    )
    assert first.startswith("cat 1\n\033[2K  cat")  # text stays; then the bars
    assert "\033[2K> dog" in first
    assert second.startswith("\033[2K> cat")  # over the first one; the first among equals
    assert third == ""
    after = out.getvalue().split("hello\n")[1]
    assert after.startswith("\033[2K> cat")  # below what was printed between, not over it
    assert max(len(line) for line in out.getvalue().replace("\033[2K", "").splitlines()) <= 84


def test_the_longest_bar_is_the_largest_value() -> None:
    plot = Plot(width=100)
    bars = [line.count("█") for line in plot.draw([0.0, 1.0, 4.0, -2.0]).splitlines()]
    assert bars[3] == 0 < bars[0] < bars[1] < bars[2]
    assert plot.draw([5.0]).count("\n") == 1  # another number of scores is another plot


def test_a_models_scores_are_read_from_the_device(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    builder = ModelBuilder(seed=1)
    content = builder.finish([fully_connected(builder, builder.input((1, 8)), units=3)])
    graph = read_graph(content)
    fake = FakeDevice(fake_hello(graph.sha256, 8, 3), lambda x: bytes((1, 127, 3)))
    device = Device(fake)
    device.infer(bytes(8))
    out = io.StringIO()
    ticking = iter(np.arange(0, 10, 0.05))
    fake.clock = lambda: float(next(ticking))  # type: ignore[method-assign]
    assert plot_scores(device, graph, out, seconds=0.2) >= 1
    assert "> 1 " in out.getvalue()
    fake.hello = fake_hello(SHA, 8, 3)
    with pytest.raises(WrongFirmware):
        plot_scores(device, graph, out, seconds=0.2)


def test_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeDevice(fake_hello(SHA, 8, 8), lambda x: x)
    with on_pty(fake) as path:
        assert run(["monitor", "--port", path, "--seconds", "0.1", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"lines", "frames", "dropped"}
    assert run(["monitor", "--port", "/dev/ttyNOWHERE"]) == 3
    assert "no serial port" in capsys.readouterr().err


def test_a_port_that_goes_away() -> None:
    class Gone(Script):
        def read(self, timeout: float) -> bytes:
            raise PortError("the serial port is gone")

    with pytest.raises(PortError):
        listen(Gone([]), io.StringIO(), seconds=1)
