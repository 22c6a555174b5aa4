"""Recording a board's lines: whole windows at the right rate, kept as they come, in a set that recipes read."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.cli.main import run
from tinykit.data.capture import Captured, Recording, Wanted, capture
from tinykit.data.lines import LineReader, numbers_in
from tinykit.data.sources import load
from tinykit.errors import DataError, DeviceError, PortError
from tinykit.recipe import Data

RATE = 100.0


class Board:
    """A port whose board prints a line every 1 / rate seconds of a clock of its own; bytes come in bunches."""

    def __init__(self, lines: Iterator[str], rate: float = RATE, bunch: float = 0.02) -> None:
        self.name = "board"
        self.now = 0.0
        self._lines, self._rate, self._bunch = lines, rate, bunch
        self._due = 0.0
        self._cut = b""
        self._random = random.Random(1)

    def read(self, timeout: float) -> bytes:
        self.now += self._bunch
        data = self._cut
        while self._due <= self.now:
            line = next(self._lines, None)
            if line is None:
                break
            data += line.encode() + b"\r\n"
            self._due += 1 / self._rate
        at = self._random.randrange(len(data) + 1)
        self._cut = data[at:]  # the rest comes next time
        return data[:at]

    def clock(self) -> float:
        return self.now

    def write(self, data: bytes) -> None:
        raise AssertionError("capture only listens")

    def close(self) -> None:
        pass


def counting(first: int = 0) -> Iterator[str]:
    return (f"{n}, {-n / 4}" for n in range(first, 10**9))


def record(path: Path, board: Board, label: str = "walk", count: int = 3, length: int = 50) -> Captured:
    recording = Recording(path, length)
    try:
        return capture(board, recording, Wanted(label, length, count, RATE))
    finally:
        if recording.labels:
            recording.export(path.with_suffix(".npz"))


def exported(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        return file["x"], file["y"], file["classes"].tolist()


def test_windows_of_lines_in_order(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    done = record(path, Board(counting()))
    assert (done.windows, done.dropped, done.other_lines) == (3, 0, 0)
    assert done.rate == pytest.approx(RATE, rel=0.1)
    x, y, classes = exported(path)
    assert (x.shape, x.dtype, y.tolist(), classes) == ((3, 50, 1, 2), np.float32, [0, 0, 0], ["walk"])
    first = x[0, 0, 0, 0]
    assert np.array_equal(x[..., 0].reshape(-1), np.arange(first, first + 150))
    assert np.array_equal(x[..., 1], -x[..., 0] / 4)


def test_sessions_add_up_and_a_recipe_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    for label in ("walk", "rest", "walk", "fall"):
        record(path, Board(counting()), label, count=8)
    x, y, classes = exported(path)
    assert classes == ["fall", "rest", "walk"]
    assert np.bincount(y).tolist() == [8, 8, 16]
    splits = load(Data(kind="npz", file=path.with_suffix(".npz"), classes=tuple(classes)))
    assert splits.classes == ("fall", "rest", "walk")
    assert splits.x_test.shape[1:] == x.shape[1:] == (50, 1, 2)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        assert np.array_equal(file["session"], np.repeat(["0", "1", "2", "3"], 8))
    assert Recording(path, 50).session == "4" and Recording(path, 50, "anna").session == "anna"


@pytest.mark.parametrize("rate", [60.0, 160.0])
def test_another_rate_is_noticed_and_nothing_of_it_kept(tmp_path: Path, rate: float) -> None:
    with pytest.raises(DataError, match=r"could not be used.*100 lines of numbers a second, as --rate says, found \d"):
        record(tmp_path / "set.csv", Board(counting(), rate))
    assert not (tmp_path / "set.csv").exists()


def test_a_rate_that_is_a_little_off_shows_in_the_long_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="could not be used"):
        record(tmp_path / "set.csv", Board(counting(), 85.0), count=100)
    assert record(tmp_path / "fine.csv", Board(counting(), 97.0), count=20).dropped == 0


def test_windows_with_another_line_or_a_hole_are_dropped(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        for n, line in enumerate(counting()):
            yield "sensor restarted" if n == 70 else line

    done = record(tmp_path / "set.csv", Board(lines()))
    assert (done.windows, done.dropped, done.other_lines) == (3, 1, 1)
    x, _, _ = exported(tmp_path / "set.csv")
    assert all(np.array_equal(np.diff(window[:, 0, 0]), np.ones(49)) for window in x)


def test_silence_and_a_cable_that_is_pulled_keep_what_is_there(tmp_path: Path) -> None:
    short = (line for line, _ in zip(counting(), range(130), strict=False))
    with pytest.raises(DeviceError, match=r"no line of numbers came over board for 5 s.*found silence"):
        record(tmp_path / "set.csv", Board(short), count=9)
    assert exported(tmp_path / "set.csv")[0].shape == (2, 50, 1, 2)

    class Pulled(Board):
        def read(self, timeout: float) -> bytes:
            if self.now > 1.2:
                raise PortError("the serial port board is gone")
            return super().read(timeout)

    with pytest.raises(PortError):
        record(tmp_path / "set.csv", Pulled(counting()), count=9)
    assert exported(tmp_path / "set.csv")[0].shape == (4, 50, 1, 2)
    assert record(tmp_path / "set.csv", Board(counting()), count=1).windows == 1
    assert exported(tmp_path / "set.csv")[0].shape == (5, 50, 1, 2)


def test_a_board_that_prints_no_numbers_ends_the_capture_and_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="found lines such as 'x: 1 y: 2'"):
        record(tmp_path / "set.csv", Board(itertools.repeat("x: 1 y: 2")))
    assert not (tmp_path / "set.csv").exists()


@given(st.integers(1, 400))
def test_a_file_that_was_cut_off_loses_one_window_at_most(tmp_path_factory: pytest.TempPathFactory, lost: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "set.csv"
    whole = Recording(path, 4)
    for label in ("a", "b", "c"):
        whole.add(label, [(float(n), 0.5, -1.25) for n in range(4)])
    path.write_text(path.read_text()[: -min(lost, len(path.read_text()))])
    try:
        again = Recording(path, 4)
    except DataError:
        assert not path.read_text().startswith("window of 4,label,session")
        return
    assert again.labels == ["a", "b", "c"][: len(again.labels)]
    again.add("d", [(9.0, 9.0, 9.0)] * 4)
    assert Recording(path, 4).labels == again.labels


def test_a_recording_that_an_editor_has_touched(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    record(path, Board(counting()), count=2)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:51], "\n", *lines[51:], "\n\n"]))
    assert len(Recording(path, 50).labels) == 2
    path.write_text("".join([*lines[:51], f"1,walk,0,{'1' * 200_000}\n"]))
    with pytest.raises(DataError, match=r"cannot add to .*field limit"):
        Recording(path, 50)


@pytest.mark.parametrize("damage", [slice(20, 21), slice(50, 51)])
def test_a_file_whose_only_window_is_damaged_is_set_aside(tmp_path: Path, damage: slice) -> None:
    path = tmp_path / "set.csv"
    spoiled = []
    for number in range(2):
        record(path, Board(counting()), count=1)
        lines = path.read_text().splitlines(keepends=True)
        del lines[damage]
        spoiled.append("".join(lines))
        path.write_text(spoiled[-1])
        again = Recording(path, 50)
        assert again.aside is not None and again.labels == [] and not path.exists(), number
    found = [(tmp_path / name).read_text() for name in ("set.csv.bad", "set.csv.2.bad")]
    assert found == spoiled and not path.exists()
    path.write_text(spoiled[0].splitlines()[0])
    assert Recording(path, 50).aside is None, "a first line is nothing to keep"
    record(path, Board(counting()), count=1)
    assert Recording(path, 50).aside is None


def test_what_does_not_fit_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    record(path, Board(counting()), count=1)
    with pytest.raises(DataError, match="windows of 40 lines, found 'window of 50,label,session'"):
        Recording(path, 40)
    with pytest.raises(DataError, match="2 channels"):
        Recording(path, 50).add("walk", [(1.0,)] * 50)
    path.write_text("something else\n")
    with pytest.raises(DataError, match="cannot add to"):
        Recording(path, 50)
    assert path.read_text() == "something else\n"


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("1,2.5,-3e2", (1.0, 2.5, -300.0)),
        (" 1;\t2 ", (1.0, 2.0)),
        ("x=1", None),
        ("", None),
        ("nan", None),
        ("1 inf", None),
        ("1_000", None),
        ("1,,2", (1.0, 2.0)),
    ],
)
def test_lines_of_numbers(line: str, numbers: tuple[float, ...] | None) -> None:
    assert numbers_in(line) == numbers


@given(st.binary(max_size=9000), st.integers(1, 500))
def test_any_bytes_are_survived(data: bytes, size: int) -> None:
    reader = LineReader()
    for at in range(0, len(data), size):
        assert all("\n" not in line for line in reader.feed(data[at : at + size]))


def test_the_first_line_may_have_begun_before() -> None:
    assert LineReader().feed(b"45\n6\r\n7") == ["6"]


def test_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tinykit.link.port.SerialPort", lambda address, baud: Board(counting()))
    output = tmp_path / "set.npz"
    arguments = ["capture", "--port", "p", "--label", "walk", "--rate", "100", "--window", "50", "-o", str(output)]
    assert run([*arguments, "--count", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [2, 50, 1, 2]
    assert run([*arguments, "--count", "1", "--quiet"]) == 0
    assert 'classes = ["walk"]' in capsys.readouterr().out
    assert run([*arguments, "--window", "1"]) == 2
    lines = output.with_suffix(".csv").read_text().splitlines(keepends=True)
    output.with_suffix(".csv").write_text("".join(lines[:30]))
    assert run([*arguments, "--count", "1", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["aside"].endswith("set.csv.bad") and "held no whole window" in said.err
    assert run([*arguments[:-1], str(tmp_path / "set.csv")]) == 2
