"""Bad models through the command line: one clear sentence, status 2, nothing written."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.support.models import ModelBuilder, conv_2d, fully_connected, single, softmax
from tinykit.cli.main import run

HANG_SECONDS = 2


def small_model(seed: int = 0) -> bytes:
    builder = ModelBuilder(seed=seed)
    x = builder.input((1, 8, 8, 3))
    x = conv_2d(builder, x, filters=4, kernel=(3, 3), strides=(2, 2), activation="RELU")
    return builder.finish([softmax(builder, fully_connected(builder, x, units=5))])


@contextmanager
def no_hang() -> Iterator[None]:
    """Raises in the test where the block takes over HANG_SECONDS of processor time."""

    def expired(signum: int, frame: object) -> None:
        raise AssertionError(f"took over {HANG_SECONDS} s")

    previous = signal.signal(signal.SIGVTALRM, expired)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """Runs the command, asserts status 2 and an untouched folder; the message."""
    before = sorted(folder.rglob("*"))
    assert run(arguments) == 2
    assert sorted(folder.rglob("*")) == before
    message = capsys.readouterr().err.strip()
    assert message.startswith("tinykit: ") and "Traceback" not in message
    return message


@pytest.mark.parametrize("verb", ["check", "compile", "verify", "build", "bench"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (small_model()[:700], "truncated"),
        (b"<!DOCTYPE html><html>404</html>" * 40, "not a"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "not a"),
    ],
    ids=["empty", "truncated", "html", "h5"],
)
def test_not_a_model(
    verb: str,
    content: bytes,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "bad.tflite"
    model.write_bytes(content)
    message = refused([verb, str(model)], capsys, tmp_path)
    assert "bad.tflite" in message or says in message
    assert message.count("\n") == 0


def test_float_model_says_how_to_quantize(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    builder = ModelBuilder()
    x = builder.input((1, 8), dtype="float32")
    weights = builder.constant(np.ones((4, 8), np.float32))
    out = builder.operator("FULLY_CONNECTED", [x, weights], (1, 4), dtype="float32")
    model = tmp_path / "float.tflite"
    model.write_bytes(builder.finish([out]))
    message = refused(["compile", str(model), "-o", str(tmp_path / "out")], capsys, tmp_path)
    assert "tinykit quantize" in message


def test_every_unsupported_layer_is_listed_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    builder = ModelBuilder()
    x = builder.input((1, 4, 4, 2))
    a = builder.operator("DENSIFY", [x], (1, 4, 4, 2), scale=0.1, name="first/odd")
    b = builder.operator("HASHTABLE_LOOKUP", [a], (1, 4, 4, 2), scale=0.1, name="second/odd")
    model = tmp_path / "odd.tflite"
    model.write_bytes(builder.finish([b]))
    message = refused(["compile", str(model), "-o", str(tmp_path / "out")], capsys, tmp_path)
    assert "DENSIFY" in message and "HASHTABLE_LOOKUP" in message
    assert run(["check", str(model), "--json"]) == 2
    listed = json.loads(capsys.readouterr().out)["unsupported"]
    assert [p["op"] for p in listed] == ["DENSIFY", "HASHTABLE_LOOKUP"]
    assert all(p["fix"] for p in listed)


def test_unknown_board_names_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(small_model())
    message = refused(["check", str(model), "--board", "mps2-an368"], capsys, tmp_path)
    assert "mps2-an386" in message


def test_a_model_that_does_not_fit_is_refused_before_the_toolchain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "big.tflite"
    model.write_bytes(single(conv_2d, (1, 64, 64, 4), filters=8, kernel=(3, 3)))
    monkeypatch.setenv("PATH", "")  # no compiler can be started
    message = refused(["build", str(model), "--board", "microbit", "-o", str(tmp_path / "out")], capsys, tmp_path)
    assert "RAM" in message and "arena" in message


def mutations(original: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Truncations, flipped bits, zeroed and copied ranges, hostile words."""
    random = np.random.default_rng(seed)
    words = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 0x10000000]
    for number in range(count):
        data = bytearray(original)
        for _ in range(int(random.integers(1, 4))):
            at = int(random.integers(0, len(data) - 8))
            length = int(random.integers(1, 64))
            kind = number % 5
            if kind == 0:
                data[at] ^= 1 << int(random.integers(0, 8))
            elif kind == 1:
                data = data[: max(at, 9)]
            elif kind == 2:
                data[at : at + 4] = int(random.choice(words)).to_bytes(4, "little")
            elif kind == 3:
                data[at : at + length] = bytes(len(data[at : at + length]))
            else:
                source = int(random.integers(0, len(data)))
                data[at : at + length] = data[source : source + length]
            if len(data) <= 16:
                break
        yield bytes(data)


@pytest.mark.parametrize("part", range(4))
def test_mutated_models_never_crash(part: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2,000 mutants through check and compile: our errors only, no hang, nothing outside the output folder."""
    model, output = tmp_path / "mutant.tflite", tmp_path / "out"
    compiled = refusals = 0
    for mutant in mutations(small_model(part), 500, seed=part):
        model.write_bytes(mutant)
        with no_hang():
            checked = run(["check", str(model), "--json"])
            status = run(["compile", str(model), "-o", str(output), "--quiet"])
        assert checked in (0, 1, 2) and status in (0, 2)
        compiled, refusals = compiled + (status == 0), refusals + (status == 2)
        assert "Traceback" not in capsys.readouterr().err
        assert {p.name for p in tmp_path.iterdir()} <= {"mutant.tflite", "out"}
    assert compiled > 20 and refusals > 100  # both roads were taken
