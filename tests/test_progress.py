"""Progress fits the terminal that it is drawn in."""

from __future__ import annotations

import io

import pytest

from tinykit.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_a_line_never_wraps_and_says_how_far_it_is(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    with Progress("Validating", 4, stream=stream) as progress:
        progress.advance(4, note="4 of 4 right, 0 bytes unlike TFLM " * 3)
    drawn = stream.getvalue().rstrip("\n").split("\r\033[K")[1:]
    assert all(len(line) < columns for line in drawn)
    assert "100%" in drawn[-1]


def test_a_log_gets_plain_lines() -> None:
    stream = io.StringIO()
    with Progress("Validating", 4, stream=stream) as progress:
        progress.advance(2, note="half")
    assert "\r" not in stream.getvalue() and "Validating 50% half\n" in stream.getvalue()
