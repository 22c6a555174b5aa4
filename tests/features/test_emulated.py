"""Raw samples through a board's front end and model: the bytes of Python's front end and TFLM's model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.features.clips import clips
from tests.features.models import model_behind, raw_set
from tinykit.boards import board
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import Mfcc, Micro, Spectrum, Statistics
from tinykit.validate.serial import validate

CASES = [
    ("mps2-an386", FrontEnd(Mfcc(480, 16000, 20.0, 4000.0, 40, 10), hop=320, samples=4000)),
    ("microbit", FrontEnd(Micro(128, 8000, 125.0, 3750.0, 16), hop=64, samples=600)),
    ("sifive-e", FrontEnd(Spectrum(64, 100.0, 0.0, 50.0), hop=32, samples=256, channels=2)),
    ("arduino-uno", FrontEnd(Statistics(50), hop=50, samples=50, channels=3)),
    ("arduino-uno", FrontEnd(Micro(64, 8000, 125.0, 3750.0, 8), hop=64, samples=64)),
    ("arduino-uno", FrontEnd(Mfcc(48, 8000, 125.0, 3750.0, 8, 4), hop=24, samples=72)),
]


@pytest.mark.parametrize(("name", "bare"), CASES, ids=[f"{name}-{bare.transform.kind}" for name, bare in CASES])
def test_raw_samples_to_scores(name: str, bare: FrontEnd, tmp_path: Path) -> None:
    front = bare.learned(clips(bare.samples, bare.channels, 1))
    model = tmp_path / "heard.tflite"
    model.write_bytes(model_behind(front))
    result = validate(model, board(name), raw_set(front, tmp_path / "raw.npz", 5), quiet=True, folder=tmp_path / "fw")
    assert (result["samples"], result["mismatched_bytes"]) == (5, 0)
    assert result["front_end"]["mismatched_bytes"] == 0
    assert result["front_end"]["samples"] == 3
    assert result["front_end"]["instructions"] is None or result["front_end"]["instructions"] > 1000
