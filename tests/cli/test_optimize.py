"""--optimize reaches the compiled code from every verb that compiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason='the judge is not installed: pip install "tinykit[verify]"')

from tests.support.models import fully_connected, single
from tinykit.cli.main import run


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A layer whose weights of four bits stay packed for the least flash, and are unpacked for speed."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "packed.tflite"
    path.write_bytes(single(fully_connected, (1, 64), units=32, int4=True))
    return path


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert run([*map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_verify(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = answer(capsys, "verify", model, "--vectors", 4, "--optimize", "size")
    assert result["bit_exact"] and result["optimize"] == "size"


def test_export(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kernels = []
    for way in ("speed", "size"):
        result = answer(
            capsys, "export", model, "--template", "cmake", "--target", "cortex-m4", "--optimize", way, "-o", way
        )
        assert result["optimize"] == way
        kernels.append(any("tk_conv_int4" in path.read_text() for path in Path(way).rglob("*.c")))
    assert kernels == [False, True]


@pytest.mark.emulated
def test_validate(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(1).integers(-128, 128, (6, 1, 64)).astype(np.int8)
    np.savez("set.npz", x=x, y=np.zeros(6, np.int64))
    result = answer(capsys, "validate", model, "--data", "set.npz", "--optimize", "size")
    assert result["mismatched_bytes"] == 0 and result["first_divergent_layer"] is None
    (source,) = Path("build/packed-mps2-an386-size").rglob("packed.c")
    assert "tk_conv_int4" in source.read_text()
